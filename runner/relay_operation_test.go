package runner

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
)

// A relay of which nothing listens any more ends, so that it is started again.
func TestRelayEndsWithWhatListens(t *testing.T) {
	o := newTestOperation(t)
	relay, err := startRelay(t.Context(), relayConfig{Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	relay.stop()
	if err := o.serveUntil(t.Context(), nil, relay.done); err != nil {
		t.Errorf("the relay ended: %v", err)
	}

	o = newTestOperation(t)
	o.start(t.Context(), http.NotFoundHandler())
	if err := o.admin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := o.serveUntil(t.Context(), nil, nil); err == nil || !strings.Contains(err.Error(), "beside the relay: serving on 127.0.0.1:") {
		t.Errorf("the operator's listener ended: %v", err)
	}

	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := newTestOperation(t).serveUntil(stopped, nil, nil); err != nil {
		t.Errorf("told to stop: %v", err)
	}
}

// newTestOperation has a listener for the operator.
func newTestOperation(t *testing.T) *operation {
	t.Helper()
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := newOperation(slog.New(slog.NewTextHandler(io.Discard, nil)))
	o.admin = admin
	t.Cleanup(o.stop)
	return o
}
