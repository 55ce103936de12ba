// Package relay is what lies between members: frostd's HTTP API as a handler
// and as a client.
package relay

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
)

// Config configures a [Server].
type Config struct {
	Store  Store        // nil: a new memory store
	Logger *slog.Logger // nil: no log
}

// Server is the relay as an [http.Handler].
type Server struct{}

// NewServer makes a relay over the configuration's store.
func NewServer(Config) (*Server, error) { return nil, errors.ErrUnsupported }

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(http.ResponseWriter, *http.Request) {}

// Serve answers the connections of listener until ctx ends, with the relay's
// timeouts; a TLS listener is the caller's to make.
func (s *Server) Serve(_ context.Context, _ net.Listener) error { return errors.ErrUnsupported }

// Close wakes and ends all long polls. The store is the caller's to close.
func (s *Server) Close() {}
