package relay

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"

	"github.com/google/uuid"

	"frostkit/commkey"
)

// SessionID names a session at a relay.
type SessionID = uuid.UUID

// SessionInfo is what a relay says about a session.
type SessionInfo struct {
	MessageCount int
	Members      []commkey.PublicKey // as the creator listed them
	Coordinator  commkey.PublicKey   // the creator, a member or not
}

// Message is one message as the relay handed it over; Sender is the relay's
// word until the sealed Body opens.
type Message struct {
	Sender commkey.PublicKey
	Body   []byte
}

// ClientConfig configures a [Client].
type ClientConfig struct {
	URL       string              // host:port, https://host:port, or http:// to a loopback host
	Key       *commkey.PrivateKey // with which the member logs in
	RootCAs   []*x509.Certificate // trusted beside the system's
	Logger    *slog.Logger        // nil: no log
	UserAgent string
}

// Client speaks frostd's API as one member. Its methods may be called
// concurrently, but a mailbox has one Receive at a time.
type Client struct{}

// NewClient checks the configuration; nothing is sent before the first call.
func NewClient(ClientConfig) (*Client, error) { return nil, errors.ErrUnsupported }

// Login gets an access token; later calls renew it by themselves.
func (c *Client) Login(context.Context) error { return errors.ErrUnsupported }

// Logout gives the token back.
func (c *Client) Logout(context.Context) error { return errors.ErrUnsupported }

// Close drops idle connections.
func (c *Client) Close() {}

// CreateSession opens a session, of which the caller becomes coordinator.
func (c *Client) CreateSession(_ context.Context, _ []commkey.PublicKey, _ int) (SessionID, error) {
	return SessionID{}, errors.ErrUnsupported
}

// Sessions lists the open sessions that name the member, in no order.
func (c *Client) Sessions(context.Context) ([]SessionID, error) { return nil, errors.ErrUnsupported }

// WaitSessions blocks until the set of open sessions differs from known, and
// returns it.
func (c *Client) WaitSessions(_ context.Context, _ []SessionID) ([]SessionID, error) {
	return nil, errors.ErrUnsupported
}

// SessionInfo asks for a session's members.
func (c *Client) SessionInfo(context.Context, SessionID) (SessionInfo, error) {
	return SessionInfo{}, errors.ErrUnsupported
}

// Send queues one message of at most 65,535 bytes for each recipient; with no
// recipients, for the coordinator.
func (c *Client) Send(_ context.Context, _ SessionID, _ []commkey.PublicKey, _ []byte) error {
	return errors.ErrUnsupported
}

// Receive blocks until a message is there or ctx ends, and returns all that
// are. asCoordinator asks for the coordinator's mailbox.
func (c *Client) Receive(_ context.Context, _ SessionID, _ bool) ([]Message, error) {
	return nil, errors.ErrUnsupported
}

// CloseSession ends a session; coordinator only.
func (c *Client) CloseSession(context.Context, SessionID) error { return errors.ErrUnsupported }

// HasGrace reports whether the relay still delivers queued messages for a
// while after a close. It is known after Login.
func (c *Client) HasGrace() bool { return false }
