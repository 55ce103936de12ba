package relay

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"frostkit/commkey"
	"frostkit/relay/xeddsa"
)

// SessionInfo is what a relay says about a session.
type SessionInfo struct {
	MessageCount int                 // messages that the session signs, 1 to 255
	Members      []commkey.PublicKey // as the creator listed them
	Coordinator  commkey.PublicKey   // the creator, a member or not
}

// Message is one message as the relay handed it over: Sender is the relay's
// word until the sealed Body opens with that sender's key.
type Message struct {
	Sender     commkey.PublicKey
	Body       []byte // 0 to 65,535 bytes
	KeepsEarly bool   // the relay's word as well: the sender keeps messages that come early
}

// ClientConfig configures a [Client].
type ClientConfig struct {
	URL       string              // host:port or https://host:port, maybe with a path; http:// for a loopback host only
	Key       *commkey.PrivateKey // with which the member logs in; not to be destroyed before the client is done
	RootCAs   []*x509.Certificate // trusted beside the system's
	Logger    *slog.Logger        // nil: no log
	UserAgent string              // of HTTP; empty: "frostkit"
	// FirstAnswer is for how long a relay that cannot be reached is tried again before it has answered for
	// the first time; zero: not at all.
	FirstAnswer time.Duration
}

// Client speaks frostd's API as one member, with any frostd and with this
// package's [Server]. Its methods may be called concurrently, but each mailbox
// has one Receive at a time.
//
// A call that finds the token expired logs in again. Once the relay has
// answered for the first time, a call that loses the connection, or meets a proxy
// without a relay, tries again, at growing intervals of up to 5 s or as Retry-After
// says, until its context ends. Before, it does so for as long as the configuration
// says, and for a minute where a proxy answers. But a message that may have reached a
// frostd, which cannot tell a repeat, is not sent again. An answer is bounded before it
// is read, and a call ends with its context whatever the other end does.
type Client struct {
	url       string // without a slash at its end
	origin    string // what logins are signed for
	key       *commkey.PrivateKey
	http      *http.Client
	log       *slog.Logger
	userAgent string
	first     time.Duration // see ClientConfig.FirstAnswer
	proxied   time.Duration // for how long a proxy is asked again before which no relay has ever answered
	loggingIn chan struct{} // holds a value while a login is under way

	mu         sync.Mutex
	told       func(away error) // see TellAway
	away       bool             // told of it
	answered   bool             // the relay has answered once
	took       time.Duration    // by the last call that did not wait
	token      string
	extensions extensionSet
	cursors    map[boxID]Cursor
	sessions   []SessionID // the last list of sessions, sorted
	sessionTag string      // its entity tag
}

// boxID names one of the client's own mailboxes.
type boxID struct {
	session     SessionID
	coordinator bool
}

// NewClient checks the configuration; nothing is sent before the first call.
func NewClient(config ClientConfig) (*Client, error) {
	address, err := parseAddressOf(config.URL)
	if err != nil {
		return nil, err
	}
	if config.Key == nil {
		return nil, errors.New("making a relay client: a communication key is missing")
	}
	transport, err := newTransport(address, config.RootCAs)
	if err != nil {
		return nil, err
	}
	log := config.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	userAgent := config.UserAgent
	if userAgent == "" {
		userAgent = "frostkit"
	}
	return &Client{
		url:       address.String(),
		origin:    address.Origin(),
		key:       config.Key,
		http:      newHTTPClient(transport),
		log:       log,
		userAgent: userAgent,
		first:     config.FirstAnswer,
		proxied:   max(config.FirstAnswer, proxyPatience),
		loggingIn: make(chan struct{}, 1),
		cursors:   map[boxID]Cursor{},
	}, nil
}

// URL returns the relay's address as https://host:port or http://host:port, with
// the path before the calls' names if there is one.
func (c *Client) URL() string { return c.url }

// Close closes the connections that no call uses.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// TellAway has the client tell when it begins to try again to reach the relay, with the error, and with nil once
// it has. Told is called by whoever makes a call, and must not make one itself.
func (c *Client) TellAway(told func(away error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = told
}

// noteAway tells whether the relay is away, when that changes.
func (c *Client) noteAway(away error) {
	c.mu.Lock()
	told, changed := c.told, c.away != (away != nil)
	c.away = away != nil
	c.mu.Unlock()
	if changed && told != nil {
		told(away)
	}
}

// Within bounds a context to a time after which calls fail with an [UnreachableError].
func (c *Client) Within(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	late := &UnreachableError{URL: c.url, Err: fmt.Errorf("no whole answer within %s", most)}
	return context.WithTimeoutCause(ctx, most, late)
}

// Login gets an access token. Other calls log in by themselves where that was
// left out.
func (c *Client) Login(ctx context.Context) error {
	_, err := c.retry(ctx, call{name: "login", repeatable: true}, func() (*answer, error) {
		return nil, c.login(ctx)
	})
	return err
}

// login signs a fresh challenge.
func (c *Client) login(ctx context.Context) error {
	var challenge struct {
		ID uuid.UUID `json:"challenge"`
	}
	reply, err := c.post(ctx, call{name: "challenge", body: nullBody}, "")
	if err != nil {
		return err
	}
	if err := reply.decode(&challenge); err != nil {
		return err
	}
	body, err := c.loginBody(challenge.ID)
	if err != nil {
		return err
	}
	if reply, err = c.post(ctx, call{name: "login", body: body}, ""); err != nil {
		return fmt.Errorf("logging in: %w", err)
	}
	return c.loggedIn(reply)
}

// loginFor is the request of a login.
type loginFor struct {
	Challenge uuid.UUID         `json:"challenge"`
	Pubkey    commkey.PublicKey `json:"pubkey"`
	Signature hexBytes          `json:"signature"`
	Origin    string            `json:"origin,omitempty"`
}

func (c *Client) sign(text []byte) (hexBytes, error) {
	signature, err := xeddsa.Sign(rand.Reader, c.key, text)
	return signature[:], err
}

// loggedIn keeps the token, and what the relay can do.
func (c *Client) loggedIn(reply *answer) error {
	var login struct {
		Token uuid.UUID `json:"access_token"`
	}
	if err := reply.decode(&login); err != nil {
		return err
	}
	if login.Token == uuid.Nil {
		return reply.unexpected("access_token is missing")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = login.Token.String()
	c.extensions = parseExtensions(reply.header.Get(extensionsHeader))
	return nil
}

// Logout gives the token back, if there is one.
func (c *Client) Logout(ctx context.Context) error {
	c.mu.Lock()
	token := c.token
	c.token = ""
	c.mu.Unlock()
	if token == "" {
		return nil
	}
	logout := call{name: "logout", body: nullBody, repeatable: true}
	_, err := c.retry(ctx, logout, func() (*answer, error) { return c.post(ctx, logout, token) })
	if errors.Is(err, ErrUnauthorized) {
		return nil // it has expired, or an earlier try reached the relay
	}
	return err
}

// CreateSession opens a session of the members, 2 to 255 distinct keys, in
// which messageCount, 1 to 255, messages are signed; the caller becomes its
// coordinator, a member or not. It fails with [ErrInvalidArgument].
func (c *Client) CreateSession(ctx context.Context, members []commkey.PublicKey, messageCount int) (SessionID, error) {
	if messageCount < 1 || messageCount > 255 {
		return SessionID{}, fmt.Errorf("creating a session for %d messages: %w", messageCount, InvalidArgumentError("message_count"))
	}
	members = append([]commkey.PublicKey{}, members...) // not nil, which would be null
	body, err := encode(struct {
		Pubkeys      []commkey.PublicKey `json:"pubkeys"`
		MessageCount int                 `json:"message_count"`
	}{members, messageCount})
	if err != nil {
		return SessionID{}, err
	}
	reply, err := c.call(ctx, call{name: "create_new_session", body: body, once: true})
	if err != nil {
		return SessionID{}, err
	}
	var created struct {
		ID SessionID `json:"session_id"`
	}
	if err := reply.decode(&created); err != nil {
		return SessionID{}, err
	}
	if created.ID == uuid.Nil {
		return SessionID{}, reply.unexpected("session_id is missing")
	}
	return created.ID, nil
}

// SessionInfo asks for a session's members. It fails with [ErrSessionNotFound]
// if there is no such session, or the caller is not in it.
func (c *Client) SessionInfo(ctx context.Context, id SessionID) (SessionInfo, error) {
	reply, err := c.call(ctx, sessionCall("get_session_info", id))
	if err != nil {
		return SessionInfo{}, err
	}
	var info struct {
		MessageCount int                 `json:"message_count"`
		Pubkeys      []commkey.PublicKey `json:"pubkeys"`
		Coordinator  commkey.PublicKey   `json:"coordinator_pubkey"`
	}
	if err := reply.decode(&info); err != nil {
		return SessionInfo{}, err
	}
	if info.Coordinator.IsZero() || info.Pubkeys == nil {
		return SessionInfo{}, reply.unexpected("a key is missing")
	}
	return SessionInfo{info.MessageCount, info.Pubkeys, info.Coordinator}, nil
}

// sessionCall is a call that names a session and nothing else.
func sessionCall(name string, id SessionID) call {
	return call{name: name, body: []byte(`{"session_id":"` + id.String() + `"}`), repeatable: true}
}

// Send queues one message of at most 65,535 bytes for each recipient, or, with
// no recipients, for the coordinator. It fails with [ErrInvalidArgument],
// [ErrSessionNotFound] or [ErrNotInSession].
func (c *Client) Send(ctx context.Context, id SessionID, recipients []commkey.PublicKey, msg []byte) error {
	body := append([]byte(`{"session_id":"`), id.String()...)
	body = append(body, `","recipients":[`...)
	for i, k := range recipients {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(append(append(body, '"'), k.String()...), '"')
	}
	body = append(appendHex(append(body, `],"msg":`...), msg), '}')
	_, err := c.call(ctx, call{name: "send", body: body, once: true})
	return err
}

// CloseSession ends a session; only its coordinator may. A relay with a time of
// grace goes on delivering what is queued, frostd drops it. It fails with
// [ErrSessionNotFound] or [ErrNotCoordinator].
func (c *Client) CloseSession(ctx context.Context, id SessionID) error {
	return c.closeSession(ctx, sessionCall("close_session", id))
}

// FinishSession is CloseSession for a session that was a success: at a relay
// with a time of grace, members who are slower can go on in it for that long.
func (c *Client) FinishSession(ctx context.Context, id SessionID) error {
	finish := sessionCall("close_session", id)
	finish.body = []byte(`{"session_id":"` + id.String() + `","carry":true}`)
	return c.closeSession(ctx, finish)
}

func (c *Client) closeSession(ctx context.Context, closing call) error {
	reply, err := c.call(ctx, closing)
	if errors.Is(err, ErrSessionNotFound) && reply.repeated {
		return nil // an earlier try reached the relay
	}
	return err
}

// ErrCannotLeave says that the relay is one whose members cannot leave sessions.
var ErrCannotLeave = errors.New("this relay has no leave_session: a session stays on the list until its coordinator closes it")

// LeaveSession takes a session that somebody else opened off the member's list;
// the others go on in it. It fails with [ErrSessionNotFound], with
// [ErrInvalidArgument] for the session's coordinator, who closes it instead, or
// with [ErrCannotLeave].
func (c *Client) LeaveSession(ctx context.Context, id SessionID) error {
	if _, err := c.currentToken(ctx, ""); err != nil {
		return err // only after a login is it known what the relay can do
	}
	c.mu.Lock()
	can := c.extensions.names["leave"]
	c.mu.Unlock()
	if !can {
		return ErrCannotLeave
	}
	_, err := c.call(ctx, sessionCall("leave_session", id))
	return err
}

// Receive blocks until there is a message in the member's mailbox, or, with
// asCoordinator, in the coordinator's, and returns all that the relay hands
// over, in order. Where the relay knows cursors the next Receive acknowledges
// them. It fails with [ErrSessionNotFound], also when the session was closed
// and has delivered everything, or [ErrNotInSession].
func (c *Client) Receive(ctx context.Context, id SessionID, asCoordinator bool) ([]Message, error) {
	box := boxID{id, asCoordinator}
	for poll := newPolling(); ; {
		messages, held, err := c.receive(ctx, box)
		if err != nil || len(messages) > 0 {
			return messages, err
		}
		if err := poll.pause(ctx, held); err != nil {
			return nil, err
		}
	}
}

// receive asks once; held says that the relay waited with the answer.
func (c *Client) receive(ctx context.Context, box boxID) (messages []Message, held bool, err error) {
	if _, err := c.currentToken(ctx, ""); err != nil {
		return nil, false, err // only after a login is it known whether there are cursors
	}
	reply, err := c.call(ctx, call{name: "receive", body: c.receiveBody(box), repeatable: true, wait: true})
	if err != nil {
		return nil, false, err
	}
	var received struct {
		Msgs []struct {
			Sender string   `json:"sender"`
			Msg    hexBytes `json:"msg"`
			Early  bool     `json:"keeps_early"`
		} `json:"msgs"`
		Cursor Cursor `json:"cursor"`
	}
	if err := reply.decode(&received); err != nil {
		return nil, false, err
	}
	for _, m := range received.Msgs {
		sender, err := commkey.ParsePublicKey(m.Sender)
		if err != nil {
			c.log.WarnContext(ctx, "dropping a message whose sender has no valid key", "session", box.session, "error", err)
			continue
		}
		messages = append(messages, Message{sender, m.Msg, m.Early})
	}
	c.advance(box, received.Cursor)
	return messages, reply.held, nil
}

func (c *Client) receiveBody(box boxID) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	body := fmt.Appendf(nil, `{"session_id":"%s","as_coordinator":%t`, box.session, box.coordinator)
	if c.extensions.cursor {
		body = fmt.Appendf(body, `,"cursor":%d`, c.cursors[box])
	}
	return append(body, '}')
}

// advance keeps the cursor for the next call.
func (c *Client) advance(box boxID, cursor Cursor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cursor > 0 {
		c.cursors[box] = cursor
	}
}

// HasGrace reports whether the relay delivers what is queued for a while after
// a close, so that the coordinator need not linger. It is known after Login.
func (c *Client) HasGrace() bool { return c.grace() > 0 }

func (c *Client) grace() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.extensions.grace
}

// Latency returns how long the last call took that the relay answered at once, the setting
// up of a connection included; zero before the first.
func (c *Client) Latency() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.took
}

// Extensions returns the names of what the relay offers beyond frostd's API,
// sorted: carry, cursor, grace, idempotency, keeps-early, leave, origin, wait. It is
// known after Login.
func (c *Client) Extensions() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.extensions.names))
}

// hexBytes is a byte string in JSON.
type hexBytes []byte

// MarshalText returns lower-case hexadecimal digits.
func (b hexBytes) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, b), nil }

// UnmarshalText reads hexadecimal digits in either case.
func (b *hexBytes) UnmarshalText(text []byte) error {
	out, err := hex.AppendDecode(nil, text)
	*b = out
	return err
}
