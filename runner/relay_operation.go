package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/crypto/acme/autocert"

	"frostkit/commkey"
	"frostkit/keyring"
	"frostkit/relay"
	"frostkit/relay/operate"
)

// operation is what runs beside a relay: what is read again when files change,
// and the listeners for the operator and for ACME.
type operation struct {
	config  relayConfig
	log     *slog.Logger
	metrics *operate.Metrics
	reloads []func()
	admin   net.Listener // or nil
	acme    net.Listener // for the challenge http-01, or nil
	manager *autocert.Manager
	running sync.WaitGroup
	failed  chan error // why a listener beside the relay ended
	cancel  context.CancelFunc
}

func newOperation(log *slog.Logger) *operation {
	return &operation{log: log, cancel: func() {}, metrics: operate.NewMetrics(), failed: make(chan error, 2)}
}

// operation reads the flags' files and opens the listeners beside the relay's.
func (c *relayCommand) operation(e *Env, log *slog.Logger) (*operation, error) {
	if err := c.Limits.Check(); err != nil {
		return nil, failf(ExitUsage, "%w", err)
	}
	o := newOperation(log)
	o.config = relayConfig{
		Address: net.JoinHostPort(c.address(), strconv.Itoa(c.Port)), Logger: log, Limits: c.Limits,
		Proxies: relay.Proxies{Trusted: c.TrustProxy, Forwarded: c.ProxyHeader == "forwarded"},
		Origins: c.Origin, BoundLogins: c.BoundLogins,
	}
	for _, part := range []func(*Env, *operation) error{c.setTLS, c.setAllow, c.setStore, c.setAdmin} {
		if err := part(e, o); err != nil {
			o.stop()
			return nil, err
		}
	}
	return o, nil
}

// setStore gives the relay its store.
func (c *relayCommand) setStore(e *Env, o *operation) (err error) {
	name, err := c.storeName(e)
	if err != nil {
		return err
	}
	o.config.Store, err = e.openStore(e.Context, name, o.log)
	return err
}

// storeName is the store by flag, by file, or else by the environment.
func (c *relayCommand) storeName(e *Env) (string, error) {
	switch {
	case c.Store != "" && c.StoreFile != "":
		return "", failf(ExitUsage, "both --store and --store-file name the store")
	case c.Store != "":
		return c.Store, nil
	case c.StoreFile == "":
		return e.Getenv("FROSTKIT_RELAY_STORE"), nil
	}
	text, err := os.ReadFile(c.StoreFile)
	if err != nil {
		return "", failf(ExitInput, "reading what the store is: %w", err)
	}
	name := strings.TrimSpace(string(text))
	if name == "" {
		return "", failf(ExitInput, "reading what the store is from %q: the file is empty", c.StoreFile)
	}
	return name, nil
}

// setAllow restricts the relay to the keys in a file.
func (c *relayCommand) setAllow(_ *Env, o *operation) error {
	if c.Allow == "" {
		return nil
	}
	keys, err := operate.AllowFile(o.log, c.Allow, parseAllowed)
	if err != nil {
		return failf(ExitInput, "%w", err).hint("one contact string, as frostkit export prints it, or one public key in hex a line")
	}
	o.reloads = append(o.reloads, keys.Reload)
	o.config.Allow = func(key commkey.PublicKey) bool { return keys.Get()[key] }
	return nil
}

// parseAllowed reads a contact string or a public key in hex.
func parseAllowed(text string) (commkey.PublicKey, error) {
	if len(text) == 2*commkey.Size {
		return commkey.ParsePublicKey(text)
	}
	contact, err := keyring.ParseContact(text)
	return contact.Key, err
}

// setAdmin listens for the operator.
func (c *relayCommand) setAdmin(_ *Env, o *operation) (err error) {
	if c.Admin == "" {
		return nil
	}
	if o.admin, err = operate.ListenAdmin(c.Admin); err != nil {
		return failf(ExitUsage, "%w", err)
	}
	o.config.Observer = o.metrics
	o.metrics.Store(o.config.Store)
	return nil
}

// start serves beside the relay.
func (o *operation) start(ctx context.Context, health http.Handler) {
	ctx, o.cancel = context.WithCancel(ctx)
	serve := func(listener net.Listener, handler http.Handler) {
		o.running.Go(func() {
			if err := operate.Serve(ctx, listener, handler, o.log); err != nil {
				o.failed <- fmt.Errorf("beside the relay: %w", err)
			}
		})
	}
	if o.admin != nil {
		o.log.Info("metrics and profiles", "address", o.admin.Addr().String())
		serve(o.admin, operate.AdminHandler(o.metrics, health))
	}
	if o.acme != nil {
		serve(o.acme, o.manager.HTTPHandler(nil))
	}
}

// serveUntil reads the files again at every hangup until ctx ends, the relay does, or what serves beside
// it: who runs the relay then starts it again.
func (o *operation) serveUntil(ctx context.Context, hangup <-chan os.Signal, ended <-chan struct{}) error {
	for {
		select {
		case <-hangup:
			for _, reload := range o.reloads {
				reload()
			}
		case err := <-o.failed:
			return err
		case <-ended:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// stop ends what runs beside the relay, and releases the store after it.
func (o *operation) stop() {
	o.cancel()
	for _, listener := range []net.Listener{o.admin, o.acme} {
		if listener != nil {
			_ = listener.Close()
		}
	}
	o.running.Wait()
	if o.config.Store != nil {
		if err := o.config.Store.Close(); err != nil {
			o.log.Error("closing the store", "error", err)
		}
	}
}

// dataFolder is the folder of a relay's data of one kind.
func (e *Env) dataFolder(name string) (string, error) {
	if folder := e.Getenv("STATE_DIRECTORY"); folder != "" { // of a systemd unit
		return filepath.Join(folder, name), nil
	}
	if folder := e.Getenv("XDG_DATA_HOME"); folder != "" {
		return filepath.Join(folder, "frostkit", name), nil
	}
	home := e.Getenv("HOME")
	if home == "" {
		return "", errors.New("there is no HOME")
	}
	return filepath.Join(home, ".local", "share", "frostkit", name), nil
}
