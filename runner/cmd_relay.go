package runner

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"frostkit/commkey"
	"frostkit/relay"
	"frostkit/relay/localca"
)

// relayCommand runs the relay until it is told to stop. Its first flags are
// frostd's.
type relayCommand struct {
	IP       string `name:"ip" short:"i" help:"Address to listen on (0.0.0.0, with those of IPv6); 0.0.0.0 is all of IPv4, :: all."`
	Port     int    `short:"p" default:"2744" help:"Port to listen on (${default}); 0 takes a free one."`
	Cert     string `name:"tls-cert" short:"c" placeholder:"FILE" help:"Certificate in PEM; read again when it changes."`
	Key      string `name:"tls-key" short:"k" placeholder:"FILE" help:"Its private key in PEM."`
	Plain    bool   `name:"no-tls-very-insecure" short:"n" help:"Plain HTTP, for use behind a proxy that does TLS; on 127.0.0.1 unless --ip says otherwise."`
	Dev      bool   `help:"Make a certificate for this machine from the local CA; listens on 127.0.0.1 unless --ip says otherwise."`
	Ready    string `name:"ready-file" placeholder:"FILE" help:"Write the address to this file once the relay listens."`
	LogLevel string `enum:"debug,info,warn,error" default:"info" help:"What is logged on standard error: debug, info, warn or error (${default})."`

	Store       string         `placeholder:"STORE" help:"Where sessions and messages are kept: bolt:DIR (a file; by default bolt: in the user's data folder), redis://HOST:PORT/DB (for several relays), or memory."`
	StoreFile   string         `placeholder:"FILE" help:"A file that has what --store would name, such as a URL with a password, which arguments show to everybody on the machine. The environment has it as FROSTKIT_RELAY_STORE."`
	LogFormat   string         `enum:"text,json" default:"text" help:"How it is logged: text or json (${default})."`
	TLSMin      string         `name:"tls-min" enum:"1.2,1.3" default:"1.3" help:"The oldest version of TLS: 1.2 or 1.3 (${default})."`
	Admin       string         `placeholder:"ADDRESS" help:"Metrics, health and profiles on this loopback address, such as 127.0.0.1:9744."`
	Allow       string         `placeholder:"FILE" help:"Serve only the keys in this file: one contact string or public key a line; read again when it changes."`
	TrustProxy  []netip.Prefix `placeholder:"CIDR" help:"Networks of proxies that are believed when they say where a call comes from."`
	ProxyHeader string         `enum:"x-forwarded-for,forwarded" default:"x-forwarded-for" help:"The header in which they say it: x-forwarded-for or forwarded (${default})."`

	Origin      []string `placeholder:"URL" help:"An address by which members reach the relay, such as https://relay.example:2744, if its certificate is for another one or a proxy has the certificate. Logins are bound to it."`
	BoundLogins bool     `help:"Refuse logins that are not bound to the relay's address, which another relay may have forwarded: those of frost-client."`

	acmeFlags
	Limits relay.Limits `embed:"" group:"limits"`
}

// Run serves until the process is told to stop, or a listener fails.
func (c *relayCommand) Run(e *Env) error {
	hangup := make(chan os.Signal, 1) // one that comes during the start is acted on after it
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	tuneCollector()
	logger := newLogger(e.talk(), c.LogLevel, c.LogFormat)
	o, err := c.operation(e, logger)
	if err != nil {
		return err
	}
	defer o.stop()
	logger.Info("server running")
	running, err := startRelay(e.Context, o.config)
	if err != nil {
		return err
	}
	defer running.stop()
	o.start(e.Context, running.server)
	if o.config.TLS == nil {
		c.warnAboutProxies(logger, running.Address)
	}
	logger.Info("starting "+running.scheme()+" server", "address", running.Address)
	if err := c.announce(running.Address); err != nil {
		return err
	}
	err = o.serveUntil(e.Context, hangup, running.done)
	logger.Info("ending: running calls are finished, new ones refused")
	running.stop()
	return errors.Join(err, running.err())
}

// warnAboutProxies says what a relay without TLS needs of the proxy before it.
func (c *relayCommand) warnAboutProxies(log *slog.Logger, address string) {
	log.Warn("TLS is off: put a proxy that does TLS in front")
	listening, err := netip.ParseAddrPort(address)
	if err != nil || !listening.Addr().IsLoopback() || len(c.TrustProxy) > 0 {
		return
	}
	proxy := netip.PrefixFrom(listening.Addr(), listening.Addr().BitLen())
	log.Warn("limits by address are off for what comes through a proxy on this machine: name it with --trust-proxy " + proxy.String())
}

func (c *relayCommand) announce(address string) error {
	if c.Ready == "" {
		return nil
	}
	return writeFile(c.Ready, []byte(address+"\n"))
}

// address is where to listen; empty: everywhere.
func (c *relayCommand) address() string {
	if c.IP == "" && (c.Plain || c.Dev) {
		return "127.0.0.1"
	}
	return c.IP
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
	if parsed := net.ParseIP(ip); parsed != nil && !parsed.IsLoopback() {
		names = append(names, ip)
	}
	return issue(ca, names...)
}

func issue(ca *localca.CA, names ...string) (*tls.Config, error) {
	certificate, err := ca.Issue(names...)
	if err != nil {
		return nil, cannotIssue("making the relay's certificate", ExitStorage, err)
	}
	return serverTLS(*certificate), nil
}

func serverTLS(certificate tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{certificate}}
}

func newLogger(w io.Writer, level, format string) *slog.Logger {
	var at slog.Level
	if err := at.UnmarshalText([]byte(level)); err != nil {
		panic("runner: internal error: log level " + level)
	}
	options := &slog.HandlerOptions{Level: at}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// relayConfig is where a relay listens, and what of [relay.Config] it has.
type relayConfig struct {
	Address  string
	TLS      *tls.Config // nil: plain HTTP
	Logger   *slog.Logger
	Store    relay.Store // nil: in memory
	Limits   relay.Limits
	Proxies  relay.Proxies
	Observer relay.Observer
	Allow    func(commkey.PublicKey) bool

	Origins      []string
	CertifiedFor func(host string) bool // nil: as the certificates in TLS say
	BoundLogins  bool
}

func (c *relayConfig) relay() relay.Config {
	return relay.Config{
		Store: c.Store, Limits: c.Limits, TLS: c.TLS, Logger: c.Logger,
		Proxies: c.Proxies, Observer: c.Observer, Allow: c.Allow,
		Origins: c.Origins, CertifiedFor: c.CertifiedFor, BoundLogins: c.BoundLogins,
	}
}

// runningRelay is a relay of this process.
type runningRelay struct {
	Address string // host:port as it listens
	server  *relay.Server
	tls     bool
	cancel  context.CancelFunc
	done    chan struct{}
	failure error
}

// startRelay listens and serves in the background until stop.
func startRelay(ctx context.Context, c relayConfig) (*runningRelay, error) {
	server, err := relay.NewServer(c.relay())
	if err != nil {
		return nil, err
	}
	listener, err := listen(c.Address)
	if err != nil {
		return nil, cannotListen("starting the relay", err, "-p PORT")
	}
	r := &runningRelay{Address: named(listener, c.Address), server: server, tls: c.TLS != nil, done: make(chan struct{})}
	ctx, r.cancel = context.WithCancel(ctx)
	go func() {
		defer close(r.done)
		r.failure = server.Serve(ctx, listener)
	}()
	return r, nil
}

// listen listens at an address as it is given: at 0.0.0.0 for IPv4 alone, where "tcp" is for IPv6 as well, and names
// that.
func listen(address string) (net.Listener, error) {
	network := "tcp"
	if host, _, err := net.SplitHostPort(address); err == nil {
		if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
			network = "tcp4"
		}
	}
	return net.Listen(network, address)
}

// named is the address of a listener by the name that was asked for: one that was asked for none listens
// everywhere, and is named as frostd names that.
func named(listener net.Listener, asked string) string {
	host, _, err := net.SplitHostPort(asked)
	_, port, portErr := net.SplitHostPort(listener.Addr().String())
	if err != nil || portErr != nil || host != "" {
		return listener.Addr().String()
	}
	return net.JoinHostPort("0.0.0.0", port)
}

// cannotListen is the failure of a listener, with the flag that chooses another port.
func cannotListen(what string, err error, flag string) *Failure {
	failure := failf(ExitUsage, "%s: %w", what, err)
	switch {
	case errors.Is(err, syscall.EACCES):
		return failure.hint("ports below 1024 need rights that this user has not: choose another one with %s", flag)
	case errors.Is(err, syscall.EADDRINUSE):
		return failure.hint("another program holds the port: choose another one with %s", flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return failure.hint("this machine has no such address")
	}
	return failure
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
