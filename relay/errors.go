package relay

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"frostkit/internal/shown"
)

// The errors of the relay's calls, for errors.Is. [APIError] carries what the
// relay said beside them.
var (
	// ErrInvalidArgument: a value that the relay refuses, or a limit reached.
	ErrInvalidArgument = errors.New("invalid or missing argument")
	// ErrUnauthorized: no token, or one that does not serve; or a login refused.
	ErrUnauthorized = errors.New("client did not provide proper authorization credentials")
	// ErrSessionNotFound: no such session for this member, or one closed.
	ErrSessionNotFound = errors.New("session was not found")
	// ErrNotCoordinator: the call is the coordinator's alone.
	ErrNotCoordinator = errors.New("user is not the coordinator")
	// ErrNotInSession: the sender or a recipient is no member of the session.
	ErrNotInSession = errors.New("user is not part of the given session")

	errUnknown = errors.New("unknown error")
)

// apiCodes are the codes and names of frostd's errors (frost-client/src/api.rs).
var apiCodes = []struct {
	err  error
	code int
	name string
}{
	{ErrInvalidArgument, 1, "InvalidArgument"},
	{ErrUnauthorized, 2, "Unauthorized"},
	{ErrSessionNotFound, 3, "SessionNotFound"},
	{ErrNotCoordinator, 4, "NotCoordinator"},
	{ErrNotInSession, 5, "NotInSession"},
	{errUnknown, unknownCode, unknownName},
}

// InvalidArgumentError is an [ErrInvalidArgument]: the name of the argument in
// frostd's words, or what a limit refused.
type InvalidArgumentError string

// Error names the argument.
func (e InvalidArgumentError) Error() string { return ErrInvalidArgument.Error() + ": " + string(e) }

// Is reports whether target is [ErrInvalidArgument].
func (e InvalidArgumentError) Is(target error) bool { return target == ErrInvalidArgument }

// LimitError is the [InvalidArgumentError] of a call beyond one of the [Limits].
// frost-client shows its text to its user.
type LimitError struct {
	InvalidArgumentError
	Flag string // of the limit
}

// Unwrap returns the refusal.
func (e LimitError) Unwrap() error { return e.InvalidArgumentError }

// What the limits of a store refuse.
var (
	ErrMemoryFull  = limitError("limit-total")
	ErrDiskFull    = limitError("limit-disk")
	ErrCreatorFull = limitError("limit-created-sessions")
	ErrMemberFull  = limitError("limit-member-sessions")
	ErrSessionFull = limitError("limit-session")
	ErrQueueFull   = limitError("limit-queue")
	ErrKeyFull     = limitError("limit-key-stored")
	ErrAddressFull = limitError("limit-address-stored")
)

// What others refuse, all of it as InvalidArgument: frost-client stops at any
// status of HTTP but 500.
var (
	errBodyTooBig  = limitError("limit-body")
	errMsgTooBig   = limitError("limit-message")
	errMemberCount = limitError("limit-members")
	errKeyRate     = limitError("limit-key-rate")
	errAddressRate = limitError("limit-address-rate")
	errLoginRate   = limitError("limit-login-rate")
)

const errCoordinatorLeaves InvalidArgumentError = "session_id: the coordinator of a session closes it and cannot leave it"

// APIError is an answer with which a relay refused a call.
type APIError struct {
	Code int    // 1 to 5, or 255 for an error unknown to frostd's list
	Name string // as on the wire: InvalidArgument, Unauthorized, …
	Msg  string // the relay's own words

	// RetryAfter, unless it is zero, is when the call is worth another try: one
	// that a limit refused was not made, and of one that ended with the code 255
	// it is not known.
	RetryAfter time.Duration
}

// Error returns the relay's words.
func (e *APIError) Error() string { return fmt.Sprintf("the relay refused: %s", e.Msg) }

// Is reports whether target is the sentinel of the error's code.
func (e *APIError) Is(target error) bool {
	for _, known := range apiCodes {
		if known.code == e.Code {
			return known.err == target
		}
	}
	return false
}

// AwayError is that of a [Store] whose state is elsewhere, and does not answer for
// now. Whether what was asked was done is not known; asking again is right.
type AwayError struct{ Err error }

// Error says what was asked, and what came of it.
func (e *AwayError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *AwayError) Unwrap() error { return e.Err }

// awayDelay is when a call that met an [AwayError] is worth another try.
const awayDelay = time.Second

// ResponseError says that what answered does not speak frostd's API.
type ResponseError struct {
	Call   string // such as "login"
	Status int    // of HTTP
	Text   string // the beginning of the answer, or what is wrong with it; empty for a page
	Page   bool   // HTML, as proxies and web servers answer

	sent int // bytes of the request's body
}

// Error says what came.
func (e *ResponseError) Error() string {
	status := statusText(e.Status)
	switch {
	case e.Status == http.StatusRequestEntityTooLarge:
		return fmt.Sprintf("calling %s: a proxy answered %s to a body of %d bytes; its body limit has to be the relay's at least, 192 KiB", e.Call, status, e.sent)
	case e.Page && e.Status == http.StatusOK:
		return fmt.Sprintf("calling %s: a web page came back, and no relay's answer; is this a FROST relay's address?", e.Call)
	case e.Page:
		return fmt.Sprintf("calling %s: a proxy or web server answered %s, and no relay; is this a FROST relay's address?", e.Call, status)
	}
	return fmt.Sprintf("calling %s: unexpected answer of HTTP status %d: %s; is this a FROST relay?", e.Call, e.Status, shown.Quote(e.Text))
}

// Proxied reports whether a proxy or web server answered, and no program that could be a relay.
func (e *ResponseError) Proxied() bool { return e.Page || e.Status == http.StatusRequestEntityTooLarge }

// statusText returns a status with its name, where it has one.
func statusText(status int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
}

// ProxyError says that a proxy answered in a relay's place.
type ProxyError struct {
	Status int // of HTTP

	after time.Duration // when asking again is right; zero: not said
}

// Error says what it answered.
func (e *ProxyError) Error() string { return "a proxy before it answered " + statusText(e.Status) }

// UnreachableError says that no answer came from the relay.
type UnreachableError struct {
	URL   string // of the relay
	Err   error
	Proxy string // host:port of that in the environment by which it is reached; empty: none

	mayHaveArrived bool // the whole request was sent
}

// Error says which relay and why.
func (e *UnreachableError) Error() string {
	ask := "is it running, and is this its address?"
	var proxy *ProxyError
	switch {
	case e.Proxy != "":
		return fmt.Sprintf("reaching relay %s by the proxy %s of HTTPS_PROXY: %s; is the proxy running, and does it serve the relay's port?", shown.Words(e.URL), shown.Words(e.Proxy), shown.Words(e.Err.Error()))
	case !errors.As(e.Err, &proxy):
	case proxy.Status == http.StatusTooManyRequests:
		ask = "it limits how often it is asked"
	default:
		ask = "is the relay running behind it?"
	}
	return fmt.Sprintf("reaching relay %s: %s; %s", shown.Words(e.URL), shown.Words(e.Err.Error()), ask)
}

func (e *UnreachableError) retryAfter() time.Duration {
	var proxy *ProxyError
	if errors.As(e.Err, &proxy) {
		return proxy.after
	}
	return 0
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// SchemeError says that the relay is asked over TLS and has none, or the reverse.
type SchemeError struct {
	URL string // as it was asked
	TLS bool   // the relay has it
}

// Error says which address to take instead.
func (e *SchemeError) Error() string {
	_, rest, _ := strings.Cut(e.URL, "://")
	if e.TLS {
		return fmt.Sprintf("reaching relay %s: it speaks TLS there; take https://%s", e.URL, rest)
	}
	return fmt.Sprintf("reaching relay %s: no TLS is spoken there; take the address of the proxy that does TLS for the relay, or, for a relay on this machine without TLS, http://%s", e.URL, rest)
}

// CertificateCause tells why a relay's certificate was refused.
type CertificateCause int

// The causes of a [CertificateError].
const (
	CertificateInvalid CertificateCause = iota // some other defect
	UnknownAuthority                           // signed by nobody that is trusted
	CertificateExpired                         // expired, or not valid yet
	WrongName                                  // made for another host
)

// advice says what to do about each cause.
var advice = map[CertificateCause]string{
	CertificateInvalid: "the relay's operator has to replace it",
	UnknownAuthority:   "give its CA's certificate as a trusted one if you know the relay",
	CertificateExpired: "check this machine's clock, or have the relay's operator renew it",
	WrongName:          "use the host name that the certificate was made for",
}

// CertificateError says that the relay's certificate does not verify.
type CertificateError struct {
	URL   string
	Cause CertificateCause
	Err   error
}

// Error says which relay, why, and what to do.
func (e *CertificateError) Error() string {
	return fmt.Sprintf("verifying the certificate of relay %s: %s; %s", shown.Words(e.URL), shown.Words(e.Err.Error()), advice[e.Cause])
}

// Unwrap returns the error of crypto/x509.
func (e *CertificateError) Unwrap() error { return e.Err }
