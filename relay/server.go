// Package relay is what lies between members: the HTTP API of frostd
// (ZcashFoundation/frost-tools) as a handler, the state behind it, and a client.
//
// A relay carries messages that it cannot open. To frostd's API it adds what
// old clients do not notice: long polls (Prefer: wait=N, RFC 7240), a cursor in
// receive that acknowledges messages instead of draining the mailbox, an
// Idempotency-Key that makes repeated calls count once, and a time of grace in
// which a closed session still delivers what was queued.
package relay

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"frostkit/commkey"
	"frostkit/relay/xeddsa"
)

// Config configures a [Server].
type Config struct {
	Store  Store        // nil: a new memory store
	Limits Limits       // zero: the defaults
	TLS    *tls.Config  // for Serve; nil: plain HTTP
	Logger *slog.Logger // nil: no log

	Proxies  Proxies  // before the relay
	Observer Observer // nil: none

	// Allow, unless it is nil, reports whether a key may use the relay. It is
	// asked in every call, and must not block.
	Allow func(commkey.PublicKey) bool

	// Origins are addresses by which members reach the relay, such as
	// https://relay.example:2744, besides those that its certificate is for:
	// CertifiedFor reports that of a host; nil: TLS.Certificates are asked. A relay
	// that knows any has its clients sign logins for the address that they dial, so
	// that no other relay can use them. With BoundLogins it takes no others.
	Origins      []string
	CertifiedFor func(host string) bool
	BoundLogins  bool
}

// Server is the relay as an [http.Handler]. Serve adds the timeouts that a
// handler cannot set by itself.
type Server struct {
	store      Store
	limits     Limits
	tls        *tls.Config
	log        *slog.Logger
	challenger *challenger
	extensions string // the value of the header that names them
	proxies    Proxies
	rates      rates
	inFlight   *inFlight
	building   chan struct{} // holds a value for each answer of messages that is being put together
	observer   Observer
	allow      func(commkey.PublicKey) bool
	origins    *origins

	boundLogins bool
	verify      func(commkey.PublicKey, []byte, []byte) bool // xeddsa.Verify; tests count its calls

	done  chan struct{} // closed by Close
	close func()
}

// NewServer makes a relay over the configuration's store.
func NewServer(config Config) (*Server, error) {
	limits := config.Limits.withDefaults()
	if err := limits.Check(); err != nil {
		return nil, err
	}
	store := config.Store
	if store == nil {
		store = NewMemoryStore()
	}
	secret, err := store.Secret(context.Background())
	if err != nil {
		return nil, fmt.Errorf("reading the relay's secret: %w", err)
	}
	log := config.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	var observer Observer = unobserved{}
	if config.Observer != nil {
		observer = config.Observer
	}
	origins, err := newOrigins(&config)
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	return &Server{
		store:       store,
		limits:      limits,
		tls:         config.TLS,
		log:         log,
		challenger:  newChallenger(secret, origins.known()),
		extensions:  extensions(&limits, origins.known()),
		proxies:     config.Proxies,
		rates:       newRates(&limits),
		inFlight:    newInFlight(&limits, observer),
		building:    make(chan struct{}, builtAtOnce),
		observer:    observer,
		allow:       config.Allow,
		origins:     origins,
		boundLogins: config.BoundLogins,
		verify:      xeddsa.Verify,
		done:        done,
		close:       sync.OnceFunc(func() { close(done) }),
	}, nil
}

// Close ends all long polls, each with what it has. The store is the caller's
// to close.
func (s *Server) Close() { s.close() }

// exchange is one call on its way through the server.
type exchange struct {
	*Server
	request *http.Request
	header  http.Header // of the answer
	writer  http.ResponseWriter

	from  Networks // where the call comes from
	user  Key      // who called, if the call wants to know
	token TokenHash

	session SessionID     // that the call is about, or uuid.Nil
	waited  time.Duration // as a long poll

	limited io.LimitedReader // the request's body, a byte longer than it may be
	body    bytes.Buffer     // of the request
	decoder decoder
	out     []byte  // the body of the answer
	flight  *flight // of the answer, if it is long
}

// builtAtOnce is how many answers of messages are put together at a time: what is not
// yet counted as in flight is no more than they.
const builtAtOnce = 16

// exchanges keeps buffers for the next calls.
var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// keptBuffer is the largest buffer that is kept, in bytes.
const keptBuffer = 64 << 10

func (s *Server) newExchange(w http.ResponseWriter, r *http.Request) *exchange {
	x := exchanges.Get().(*exchange)
	x.Server, x.request, x.header = s, r, w.Header()
	x.writer, x.from = w, s.from(r)
	return x
}

func (x *exchange) release() {
	x.inFlight.land(x.flight)
	x.flight = nil
	if x.body.Cap() > keptBuffer || cap(x.out) > keptBuffer {
		return
	}
	x.Server, x.request, x.header, x.writer = nil, nil, nil, nil
	x.limited.R = nil
	x.user, x.token, x.session, x.waited = Key{}, TokenHash{}, SessionID{}, 0
	x.body.Reset()
	x.out = x.out[:0]
	exchanges.Put(x)
}

// calls are the calls by path: frostd's, and leave_session.
var calls = map[string]struct {
	answer func(*exchange) error
	public bool // without a token
}{
	"/challenge":          {answer: (*exchange).challenge, public: true},
	"/login":              {answer: (*exchange).login, public: true},
	"/logout":             {answer: (*exchange).logout},
	"/create_new_session": {answer: (*exchange).createSession},
	"/list_sessions":      {answer: (*exchange).listSessions},
	"/get_session_info":   {answer: (*exchange).sessionInfo},
	"/send":               {answer: (*exchange).send},
	"/receive":            {answer: (*exchange).receive},
	"/close_session":      {answer: (*exchange).closeSession},
	"/leave_session":      {answer: (*exchange).leaveSession},
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call, known := calls[r.URL.Path]
	if !r.ProtoAtLeast(1, 1) {
		w.Header().Set("Connection", "close") // net/http passes over a Transfer-Encoding there
	}
	switch {
	case len(r.TransferEncoding) > 0:
		refuseEncoding(w)
		return
	case r.URL.Path == "/healthz", r.URL.Path == "/readyz":
		s.serveHealth(w, r)
		return
	case !known:
		skipBody(r)
		w.WriteHeader(http.StatusNotFound)
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	start := time.Now()
	x := s.newExchange(w, r)
	defer x.release()
	err := x.authorize(call.public)
	if err == nil {
		err = call.answer(x)
	}
	if err != nil {
		skipBody(r)
	}
	status := x.finish(w, err)
	took := time.Since(start)
	x.observe(took, err)
	x.logCall(status, took, err)
}

// refuseEncoding refuses a request of HTTP/1.1 that does not say its length: it may say
// another one as well, of which net/http does not tell, and others go by that (RFC 9112,
// section 6.3).
func refuseEncoding(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	http.Error(w, "want a Content-Length, and no Transfer-Encoding", http.StatusLengthRequired)
}

var (
	jsonType = []string{"application/json"}
	textType = []string{"text/plain; charset=utf-8"}
)

// finish writes the answer, or the error in its place, and returns the status.
func (x *exchange) finish(w http.ResponseWriter, err error) int {
	status := http.StatusOK
	switch {
	case err != nil:
		status = x.refuse(err)
	case len(x.out) > 0:
		x.header["Content-Type"] = jsonType
	}
	w.WriteHeader(status)
	x.write(w)
	return status
}

// refuse makes the error the answer, and returns its status.
func (x *exchange) refuse(err error) int {
	if after := retryIn(err); after > 0 {
		x.header.Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
	var body *bodyError
	if errors.As(err, &body) {
		x.out = append(x.out[:0], body.text...)
		x.header["Content-Type"] = textType
		return body.status
	}
	x.out = appendError(x.out[:0], err)
	x.header["Content-Type"] = jsonType
	return http.StatusInternalServerError
}

// retryIn returns when a call that ended with err is worth another try; zero: never.
func retryIn(err error) time.Duration {
	var rate *rateError
	var away *AwayError
	switch {
	case errors.As(err, &rate):
		return rate.after
	case errors.As(err, &away):
		return awayDelay
	}
	return 0
}

// logCall logs one call: who, what and how long, but no body, token or key in
// full. What is the caller's doing, any stranger's included, is for debugging.
func (x *exchange) logCall(status int, took time.Duration, err error) {
	level := slog.LevelDebug
	if outcome(x.request, err) == unknownName {
		level = slog.LevelError
	}
	ctx := x.request.Context()
	if !x.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("call", x.request.URL.Path[1:]),
		slog.String("remote", x.proxies.client(x.request).String()),
		slog.Int("status", status),
		slog.Int("received", x.body.Len()),
		slog.Int("sent", len(x.out)),
		slog.Duration("took", took),
	}
	if x.user != (Key{}) {
		attrs = append(attrs, slog.String("member", shortKey(x.user)))
	}
	if x.session != (SessionID{}) {
		attrs = append(attrs, slog.String("session", x.session.String()))
	}
	var body *bodyError
	switch {
	case errors.As(err, &body):
		attrs = append(attrs, slog.String("error", "body not understood")) // its text may quote the body
	case err != nil:
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	x.log.LogAttrs(ctx, level, "call", attrs...)
}

// shortKey returns the first four bytes of a key in hex, for logs.
func shortKey(k Key) string { return fmt.Sprintf("%x…", k[:4]) }

// decode reads the request's body into request.
func (x *exchange) decode(request decodable) error {
	if !isJSON(x.request.Header) {
		return errContentType
	}
	if err := x.read(); err != nil {
		return err
	}
	return x.decoder.decode(x.body.Bytes(), request)
}

// read reads the request's body to its end, also of a call without arguments:
// an answer before that resets the stream of HTTP/2, with which some clients lose
// the answer, and over HTTP/1.1 a client that hangs up is noticed only after it.
func (x *exchange) read() error {
	if x.request.ContentLength > int64(x.limits.Body) {
		return errBodyTooBig
	}
	x.limited = io.LimitedReader{R: x.request.Body, N: int64(x.limits.Body) + 1}
	n, err := x.body.ReadFrom(&x.limited)
	switch {
	case err != nil:
		return &bodyError{http.StatusBadRequest, "Failed to buffer the request body: " + err.Error()}
	case n > int64(x.limits.Body):
		return errBodyTooBig
	}
	return nil
}

// skippedBody is the longest body of a refused call that is read, in bytes: what
// net/http reads of one over HTTP/1.1.
const skippedBody = 256 << 10

// skipBody reads what is left of the body of a call that is refused.
func skipBody(r *http.Request) { _, _ = io.CopyN(io.Discard, r.Body, skippedBody) }
