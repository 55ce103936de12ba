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
	limited := &limitedListener{Listener: listener, limit: s.limits.ConnsPerAddress}
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

// limitedListener closes connections of an address that has too many already.
type limitedListener struct {
	net.Listener
	limit int

	mu   sync.Mutex
	open map[netip.Addr]int
}

// Accept returns the next connection within the limit.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		address := remoteAddress(conn)
		if !address.IsValid() || address.IsLoopback() {
			return conn, nil // local processes, or a proxy that counts for itself
		}
		if l.enter(address) {
			return &limitedConn{Conn: conn, leave: sync.OnceFunc(func() { l.leave(address) })}, nil
		}
		_ = conn.Close()
	}
}

// remoteAddress returns the address at the other end, of IPv6 the network that
// one customer has, or the zero one.
func remoteAddress(conn net.Conn) netip.Addr {
	address, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	ip := address.Addr().Unmap().WithZone("")
	if ip.Is6() && !ip.IsLoopback() {
		return netip.PrefixFrom(ip, 64).Masked().Addr()
	}
	return ip
}

func (l *limitedListener) enter(address netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[address] >= l.limit {
		return false
	}
	if l.open == nil {
		l.open = map[netip.Addr]int{}
	}
	l.open[address]++
	return true
}

func (l *limitedListener) leave(address netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[address]--; l.open[address] == 0 {
		delete(l.open, address)
	}
}

// limitedConn is a connection that counts.
type limitedConn struct {
	net.Conn
	leave func()
}

// Close closes the connection and stops counting it.
func (c *limitedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
