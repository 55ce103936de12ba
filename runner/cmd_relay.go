package runner

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"

	"frostkit/relay"
	"frostkit/relay/localca"
)

// relayCommand runs the relay until it is told to stop. Its flags are frostd's.
type relayCommand struct {
	IP       string `name:"ip" short:"i" default:"0.0.0.0" help:"Address to listen on (${default})."`
	Port     int    `short:"p" default:"2744" help:"Port to listen on (${default}); 0 takes a free one."`
	Cert     string `name:"tls-cert" short:"c" placeholder:"FILE" help:"Certificate in PEM."`
	Key      string `name:"tls-key" short:"k" placeholder:"FILE" help:"Its private key in PEM."`
	Plain    bool   `name:"no-tls-very-insecure" short:"n" help:"Plain HTTP on 127.0.0.1, for use behind a proxy that does TLS."`
	Dev      bool   `help:"Make a certificate for this machine from the local CA; listens on 127.0.0.1 unless --ip says otherwise."`
	Ready    string `name:"ready-file" placeholder:"FILE" help:"Write the address to this file once the relay listens."`
	LogLevel string `enum:"debug,info,warn,error" default:"info" help:"What is logged on standard error: debug, info, warn or error (${default})."`
}

// Run serves until the process is told to stop.
func (c *relayCommand) Run(e *Env) error {
	config, err := c.tlsConfig(e)
	if err != nil {
		return err
	}
	logger := newLogger(e.Stderr, c.LogLevel)
	logger.Info("server running")
	running, err := startRelay(e.Context, relayConfig{
		Address: net.JoinHostPort(c.address(), strconv.Itoa(c.Port)), TLS: config, Logger: logger,
	})
	if err != nil {
		return err
	}
	defer running.stop()
	if config == nil {
		logger.Warn("TLS is off: put a proxy that does TLS in front")
	}
	logger.Info("starting "+running.scheme()+" server", "address", running.Address)
	if err := c.announce(running.Address); err != nil {
		return err
	}
	<-e.Context.Done()
	running.stop()
	return running.err()
}

func (c *relayCommand) announce(address string) error {
	if c.Ready == "" {
		return nil
	}
	return writeFile(c.Ready, []byte(address+"\n"))
}

func (c *relayCommand) address() string {
	if c.Plain || c.Dev && c.IP == "0.0.0.0" {
		return "127.0.0.1"
	}
	return c.IP
}

// tlsConfig is nil for plain HTTP, and otherwise from the files or the local CA.
func (c *relayCommand) tlsConfig(e *Env) (*tls.Config, error) {
	switch files := c.Cert != "" || c.Key != ""; {
	case c.Plain && (c.Dev || files), c.Dev && files:
		return nil, failf(ExitUsage, "choose one of --tls-cert with --tls-key, --dev, and --no-tls-very-insecure")
	case c.Plain:
		return nil, nil
	case c.Dev:
		return e.devTLS(c.IP)
	case c.Cert == "" || c.Key == "":
		return nil, failf(ExitUsage, "the relay needs a certificate: --tls-cert and --tls-key").
			hint("frostkit relay --dev makes its own from the local CA")
	}
	certificate, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, failf(ExitInput, "reading the certificate: %w", err)
	}
	return serverTLS(certificate), nil
}

// devTLS makes a certificate for this machine, in memory, from the local CA.
func (e *Env) devTLS(ip string) (*tls.Config, error) {
	ca, err := e.localCA()
	if err != nil {
		return nil, err
	}
	names := []string{"localhost", "127.0.0.1", "::1"}
	if host, err := os.Hostname(); err == nil && host != "localhost" {
		names = append(names, host)
	}
	if parsed := net.ParseIP(ip); parsed != nil && !parsed.IsUnspecified() && !parsed.IsLoopback() {
		names = append(names, ip)
	}
	return issue(ca, names...)
}

func issue(ca *localca.CA, names ...string) (*tls.Config, error) {
	certificate, err := ca.Issue(names...)
	if err != nil {
		return nil, failf(ExitStorage, "making the relay's certificate: %w", err)
	}
	return serverTLS(*certificate), nil
}

func serverTLS(certificate tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{certificate}}
}

func newLogger(w io.Writer, level string) *slog.Logger {
	var at slog.Level
	if err := at.UnmarshalText([]byte(level)); err != nil {
		panic("runner: internal error: log level " + level)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: at}))
}

type relayConfig struct {
	Address string
	TLS     *tls.Config // nil: plain HTTP
	Logger  *slog.Logger
}

// runningRelay is a relay of this process.
type runningRelay struct {
	Address string // host:port as it listens
	tls     bool
	cancel  context.CancelFunc
	done    chan struct{}
	failure error
}

// startRelay listens and serves in the background until stop.
func startRelay(ctx context.Context, c relayConfig) (*runningRelay, error) {
	server, err := relay.NewServer(relay.Config{Logger: c.Logger, TLS: c.TLS})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", c.Address)
	if err != nil {
		return nil, failf(ExitRefused, "starting the relay: %w", err).
			hint("another program may hold the port: choose one with --port")
	}
	r := &runningRelay{Address: listener.Addr().String(), tls: c.TLS != nil, done: make(chan struct{})}
	ctx, r.cancel = context.WithCancel(ctx)
	go func() {
		defer close(r.done)
		r.failure = server.Serve(ctx, listener)
	}()
	return r, nil
}

func (r *runningRelay) scheme() string {
	if r.tls {
		return "HTTPS"
	}
	return "HTTP"
}

// stop ends the relay and waits until it has.
func (r *runningRelay) stop() {
	r.cancel()
	<-r.done
}

// err is why the relay ended by itself, if it did; call it after stop.
func (r *runningRelay) err() error {
	return r.failure
}
