package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// drainTime is how long Serve waits for running calls once it is to end.
const drainTime = 10 * time.Second

// maxHeader is the longest header of a request in bytes.
const maxHeader = 16 << 10

// Serve answers the connections of listener, over TLS 1.3 if the configuration
// has a certificate for it, until ctx ends; then it ends the long polls, lets
// running calls finish and closes the listener. It returns nil when ctx ended
// it.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := s.httpServer()
	served := make(chan error, 1)
	limited := &limitedListener{Listener: listener, server: s, open: map[netip.Addr]int{}}
	go func() {
		if s.tls == nil {
			served <- server.Serve(limited)
			return
		}
		server.TLSConfig = s.tls.Clone()
		if server.TLSConfig.MinVersion == 0 {
			server.TLSConfig.MinVersion = tls.VersionTLS13
		}
		served <- server.ServeTLS(limited, "", "")
	}()
	select {
	case err := <-served:
		return fmt.Errorf("serving on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	s.Close()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	err := server.Shutdown(drain)
	if err != nil {
		err = errors.Join(fmt.Errorf("waiting for running calls: %w", err), server.Close())
	}
	<-served
	return err
}

func (s *Server) httpServer() *http.Server {
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: s.limits.HeaderTimeout,
		ReadTimeout:       s.limits.HeaderTimeout + s.limits.BodyTimeout,
		WriteTimeout:      s.limits.HeaderTimeout + s.limits.BodyTimeout + s.limits.WriteTimeout,
		IdleTimeout:       s.limits.IdleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// limitedListener closes connections of which there are too many already.
type limitedListener struct {
	net.Listener
	server *Server

	mu   sync.Mutex
	all  int
	open map[netip.Addr]int // by address
}

// Accept returns the next connection within the limits.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		address := countedAs(parseAddress(conn.RemoteAddr().String()))
		if !address.IsValid() || address.IsLoopback() || l.server.proxies.trusts(address) {
			address = netip.Addr{} // local processes, and proxies, which count for themselves
		}
		refused := l.enter(address)
		if refused == "" {
			l.server.observer.Connections(1)
			return &limitedConn{thriftyConn: newThriftyConn(conn), leave: sync.OnceFunc(func() { l.leave(address) })}, nil
		}
		l.server.observer.Refused(refused)
		_ = conn.Close()
	}
}

// enter counts a connection, unless a limit refuses it, whose flag it returns.
func (l *limitedListener) enter(address netip.Addr) (refused string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.all >= l.server.limits.Conns:
		return "limit-connections"
	case address.IsValid() && l.open[address] >= l.server.limits.ConnsPerAddress:
		return "limit-address-connections"
	}
	l.all++
	if address.IsValid() {
		l.open[address]++
	}
	return ""
}

func (l *limitedListener) leave(address netip.Addr) {
	l.server.observer.Connections(-1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if !address.IsValid() {
		return
	}
	if l.open[address]--; l.open[address] == 0 {
		delete(l.open, address)
	}
}

// limitedConn is a connection that counts.
type limitedConn struct {
	*thriftyConn
	leave func()
}

// Close closes the connection and stops counting it.
func (c *limitedConn) Close() error {
	defer c.leave()
	return c.thriftyConn.Close()
}
