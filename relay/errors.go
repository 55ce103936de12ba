package relay

import (
	"errors"
	"fmt"
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
)

// APIError is an answer with which a relay refused a call.
type APIError struct {
	Code int    // 1 to 5, or 255 for an error unknown to frostd's list
	Name string // as on the wire: InvalidArgument, Unauthorized, …
	Msg  string // the relay's own words
}

// Error returns the relay's words.
func (e *APIError) Error() string { return fmt.Sprintf("relay refused: %s (%s)", e.Msg, e.Name) }

// UnreachableError says that no answer came from the relay.
type UnreachableError struct {
	URL string // of the relay
	Err error
}

// Error says which relay and why.
func (e *UnreachableError) Error() string { return fmt.Sprintf("reaching relay %s: %v", e.URL, e.Err) }

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// CertificateCause tells why a relay's certificate was refused.
type CertificateCause int

// The causes of a [CertificateError].
const (
	CertificateInvalid CertificateCause = iota // some other defect
	UnknownAuthority                           // signed by nobody that is trusted
	CertificateExpired                         // expired, or not valid yet
	WrongName                                  // made for another host
)

// CertificateError says that the relay's certificate does not verify.
type CertificateError struct {
	URL   string
	Cause CertificateCause
	Err   error
}

// Error says which relay and why.
func (e *CertificateError) Error() string {
	return fmt.Sprintf("verifying the certificate of relay %s: %v", e.URL, e.Err)
}

// Unwrap returns the error of crypto/x509.
func (e *CertificateError) Unwrap() error { return e.Err }
