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
	"slices"
	"sync"
	"syscall"
	"time"
)

// drainTime is how long Serve waits for running calls once it is to end.
const drainTime = 10 * time.Second

// maxHeader is the longest header of a request in bytes.
const maxHeader = 16 << 10

// Serve answers the connections of listener, over TLS 1.3 if the configuration
// has a certificate for it, until ctx ends; then it closes the listener, ends the
// long polls and lets running calls finish, for 10 seconds. It returns nil when
// ctx ended it.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := s.httpServer()
	served := make(chan error, 1)
	limited := newLimitedListener(listener, s)
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
	err := limited.drain(ctx, server)
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
		ConnState:         opened,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: s.limits.Streams},
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// limitedListener closes connections of which there are too many already.
type limitedListener struct {
	net.Listener
	server *Server

	failing bool // accepting failed the last time

	mu   sync.Mutex
	all  int
	open map[netip.Addr]int // by address, of IPv6 by network of 64 bits
	far  map[netip.Addr]int // of IPv6 by network of 48 bits

	halfOpen *halfOpen
}

func newLimitedListener(listener net.Listener, s *Server) *limitedListener {
	// Of few connections in all, half-open ones leave some to others as well.
	most := min(s.limits.HalfOpen, s.limits.Conns*3/4+1)
	return &limitedListener{Listener: listener, server: s, open: map[netip.Addr]int{}, far: map[netip.Addr]int{}, halfOpen: newHalfOpen(most)}
}

// drain lets running calls finish, and cuts the connections of those that do not.
func (l *limitedListener) drain(ctx context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	err := server.Shutdown(ctx)
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	l.mu.Lock()
	l.server.log.Warn("cutting connections whose calls do not end", "connections", l.all)
	l.mu.Unlock()
	return server.Close()
}

// Accept returns the next connection within the limits.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err = l.passing(err); err != nil {
			return nil, err
		}
		address := parseAddress(conn.RemoteAddr().String())
		from := networksOf(address)
		if l.server.proxies.trusts(address) {
			from = Networks{} // proxies count for themselves
		}
		refused := l.enter(from)
		if refused == "" {
			l.server.observer.Connections(1)
			return l.limit(conn, from), nil
		}
		l.server.observer.Refused(refused)
		_ = conn.Close()
	}
}

// limit makes the connection count, for which another one may have to give way.
func (l *limitedListener) limit(conn net.Conn, from Networks) *limitedConn {
	c := &limitedConn{thriftyConn: newThriftyConn(conn)}
	c.opened = sync.OnceFunc(func() { l.halfOpen.remove(c) })
	c.leave = sync.OnceFunc(func() {
		c.opened()
		l.leave(from)
	})
	if cut := l.halfOpen.add(c, from.widest()); cut != nil {
		l.server.observer.Refused("limit-half-open")
		_ = cut.Close()
	}
	return c
}

// passingError is an error of accepting after which net/http goes on, as it does
// after those that [syscall.Errno] calls temporary.
type passingError struct{ error }

// Unwrap returns what the system said.
func (e passingError) Unwrap() error { return e.error }

// Timeout implements [net.Error].
func (passingError) Timeout() bool { return false }

// Temporary implements [net.Error].
func (passingError) Temporary() bool { return true }

// passingErrors are those of accept(2) that say nothing of the listener: that the
// system is short of something, that a firewall objects, and what Linux has to
// say of the connection that was to be accepted.
var passingErrors = []error{
	syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EPERM,
	syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EPROTO, syscall.ENOPROTOOPT,
	syscall.ENETDOWN, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EHOSTUNREACH,
}

// passing makes what passes by itself a passingError. When that begins and ends is
// logged.
func (l *limitedListener) passing(err error) error {
	switch {
	case err == nil && l.failing:
		l.failing = false
		l.server.log.Info("connections are accepted again")
	case slices.ContainsFunc(passingErrors, func(known error) bool { return errors.Is(err, known) }):
		if !l.failing {
			l.server.log.Error("no connection is accepted for now", "error", err)
		}
		l.failing = true
		return passingError{err}
	}
	return err
}

// enter counts a connection, unless a limit refuses it, whose flag it returns.
func (l *limitedListener) enter(from Networks) (refused string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	most := l.server.limits.ConnsPerAddress
	switch {
	case l.all >= l.server.limits.Conns:
		return "limit-connections"
	case from.Near.IsValid() && l.open[from.Near] >= most, from.Far.IsValid() && l.far[from.Far] >= farShare*most:
		return "limit-address-connections"
	}
	l.count(from, 1)
	return ""
}

func (l *limitedListener) leave(from Networks) {
	l.server.observer.Connections(-1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count(from, -1)
}

// count counts so many more connections, or fewer.
func (l *limitedListener) count(from Networks, delta int) {
	l.all += delta
	if from.Near.IsValid() {
		addTo(l.open, from.Near, delta)
	}
	if from.Far.IsValid() {
		addTo(l.far, from.Far, delta)
	}
}

// addTo adds to a count, and drops one of nothing.
func addTo[K comparable](counts map[K]int, key K, delta int) {
	if counts[key] += delta; counts[key] == 0 {
		delete(counts, key)
	}
}

// limitedConn is a connection that counts.
type limitedConn struct {
	*thriftyConn
	opened func() // once a whole request has come
	leave  func()
}

// Close closes the connection and stops counting it.
func (c *limitedConn) Close() error {
	defer c.leave()
	return c.thriftyConn.Close()
}
