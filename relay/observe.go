package relay

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Observer is told what a relay does, for metrics. Its methods are called
// concurrently and must not block.
type Observer interface {
	// Call reports a call that is over. Outcome is "ok", the name of frostd's
	// error, "body" for a request that could not be read, or "gone" where the
	// caller left; took is without the time that it waited as a long poll. The
	// sizes are those of the bodies in bytes.
	Call(call, outcome string, took time.Duration, received, sent int)
	// Refused reports what a limit refused, by the limit's flag.
	Refused(limit string)
	// Waiting reports that so many more long polls wait, or fewer.
	Waiting(delta int)
	// InFlight reports that so many more bytes of long answers are on their way, or fewer.
	InFlight(delta int)
	// Connections reports that so many more connections are open, or fewer.
	Connections(delta int)
}

// unobserved is the Observer of a relay without one.
type unobserved struct{}

func (unobserved) Call(string, string, time.Duration, int, int) {}
func (unobserved) Refused(string)                               {}
func (unobserved) Waiting(int)                                  {}
func (unobserved) Connections(int)                              {}
func (unobserved) InFlight(int)                                 {}

// outcome returns what an observer is told of a call that ended with err.
func outcome(request *http.Request, err error) string {
	switch {
	case err == nil:
		return "ok"
	case request.Context().Err() != nil:
		return "gone"
	}
	var body *bodyError
	if errors.As(err, &body) {
		return "body"
	}
	return wireError(err).Name
}

// observe tells the observer about a call.
func (x *exchange) observe(took time.Duration, err error) {
	x.observer.Call(x.request.URL.Path[1:], outcome(x.request, err), took-x.waited, x.body.Len(), len(x.out))
	if err == nil {
		return
	}
	var refusal LimitError
	if errors.As(err, &refusal) {
		x.observer.Refused(refusal.Flag)
	}
}

// readyTimeout is how long the store may take to say that it is there.
const readyTimeout = 2 * time.Second

// Ready reports whether the relay can serve: nil if its store answers and it is
// not ending.
func (s *Server) Ready(ctx context.Context) error {
	select {
	case <-s.done:
		return errors.New("the relay is ending")
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	_, err := s.store.Token(ctx, TokenHash{}) // which is nobody's
	if errors.Is(err, ErrUnauthorized) {
		return nil
	}
	return err
}

// serveHealth answers GET /healthz, which says that the process runs, and GET
// /readyz, which says that it can serve.
func (s *Server) serveHealth(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	w.Header()["Content-Type"] = textType
	w.Header().Set("Cache-Control", "no-store")
	if r.URL.Path == "/readyz" {
		if err := s.rates.takeAddress(s.from(r), false); err != nil || s.Ready(r.Context()) != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte("not ready\n"))
			return
		}
	}
	_, _ = w.Write([]byte("ok\n"))
}

// from returns what limits by address count a request by.
func (s *Server) from(r *http.Request) Networks { return networksOf(s.proxies.client(r)) }
