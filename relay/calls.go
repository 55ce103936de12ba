package relay

import (
	"crypto/sha256"
	"slices"
	"strings"

	"github.com/google/uuid"

	"frostkit/commkey"
	"frostkit/relay/xeddsa"
)

// authorize finds out who calls, from the bearer token (RFC 6750, section 2.1),
// and whether the caller makes too many calls.
func (x *exchange) authorize(public bool) error {
	if err := x.rates.takeAddress(x.from, public); err != nil || public {
		return err
	}
	scheme, text, _ := strings.Cut(x.request.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ErrUnauthorized
	}
	token, err := uuid.Parse(strings.TrimLeft(text, " "))
	if err != nil {
		return ErrUnauthorized
	}
	x.token = sha256.Sum256(token[:])
	if x.user, err = x.store.Token(x.request.Context(), x.token); err != nil {
		return err
	}
	if !x.allowed(x.user) {
		return ErrUnauthorized
	}
	return x.rates.keys.take(x.user)
}

// allowed reports whether the relay is for the key's owner too.
func (x *exchange) allowed(k Key) bool {
	if x.allow == nil {
		return true
	}
	key, err := commkey.NewPublicKey(k[:])
	return err == nil && x.allow(key)
}

// challenge answers with something new to sign.
func (x *exchange) challenge() error {
	if err := x.read(); err != nil {
		return err
	}
	x.announce()
	x.out = appendID(x.out, "challenge", x.challenger.issue())
	return nil
}

// login answers a signed challenge with a token. Whatever is wrong with the
// challenge, the key or the signature, the answer is the same.
func (x *exchange) login() error {
	var request loginRequest
	if err := x.decode(&request); err != nil {
		return err
	}
	switch {
	case len(request.signature) == 0 || len(request.pubkey) == 0:
		return InvalidArgumentError("signature or pubkey")
	case len(request.pubkey) != commkey.Size:
		return InvalidArgumentError("pubkey")
	case len(request.signature) != xeddsa.SignatureSize:
		return InvalidArgumentError("signature")
	case !x.challenger.valid(request.challenge, x.limits.ChallengeLife):
		return ErrUnauthorized
	}
	text, err := x.loginText(&request)
	if err != nil {
		return err
	}
	// All that can be looked up is looked up before the signature costs anything.
	user, err := commkey.NewPublicKey(request.pubkey)
	if err != nil || !x.allowed(Key(request.pubkey)) || !x.verify(user, text, request.signature) {
		return ErrUnauthorized
	}
	x.user = Key(request.pubkey)
	ctx := x.request.Context()
	if err := x.store.SpendChallenge(ctx, request.challenge, x.user, 2*x.limits.ChallengeLife); err != nil {
		return err
	}
	token := uuid.New()
	if err := x.store.AddToken(ctx, sha256.Sum256(token[:]), x.user, x.from, x.room()); err != nil {
		return err
	}
	x.announce()
	x.out = appendID(x.out, "access_token", token)
	return nil
}

// logout gives the caller's token back.
func (x *exchange) logout() error {
	if err := x.read(); err != nil {
		return err
	}
	if err := x.store.RemoveToken(x.request.Context(), x.token); err != nil {
		return err
	}
	x.out = append(x.out, "null"...)
	return nil
}

// createSession opens a session with the caller as coordinator.
func (x *exchange) createSession() error {
	var request createRequest
	if err := x.decode(&request); err != nil {
		return err
	}
	if request.messageCount == 0 {
		return InvalidArgumentError("message_count")
	}
	if err := x.checkMembers(&request.pubkeys); err != nil {
		return err
	}
	idempotency, err := idempotencyKey(x.request.Header)
	if err != nil {
		return err
	}
	id := uuid.New()
	if idempotency != uuid.Nil {
		id = x.challenger.derive(x.user, idempotency)
	}
	x.session = id
	err = x.store.CreateSession(x.request.Context(), &Session{
		ID:           id,
		Members:      slices.Clip(request.pubkeys.keys),
		Coordinator:  x.user,
		MessageCount: request.messageCount,
		From:         x.from,
	}, x.room())
	if err != nil {
		return err
	}
	x.out = appendID(x.out, "session_id", id)
	return nil
}

// checkMembers checks the keys that a new session names.
func (x *exchange) checkMembers(list *keyList) error {
	switch {
	case list.malformed || repeats(list.keys):
		return InvalidArgumentError("pubkeys")
	case len(list.keys) < 2 || len(list.keys) > x.limits.Members:
		return errMemberCount
	}
	for i := range list.keys {
		if _, err := commkey.NewPublicKey(list.keys[i][:]); err != nil {
			return InvalidArgumentError("pubkeys")
		}
	}
	return nil
}

// repeats reports whether a key occurs twice.
func repeats(keys []Key) bool {
	if len(keys) < 2 {
		return false
	}
	seen := make(map[Key]struct{}, len(keys))
	for _, k := range keys {
		seen[k] = struct{}{}
	}
	return len(seen) < len(keys)
}

// listSessions answers with the caller's open sessions: where the caller waits,
// once they differ from those of its If-None-Match, or, without one, once there
// are any.
func (x *exchange) listSessions() error {
	if err := x.read(); err != nil {
		return err
	}
	known := x.request.Header.Get("If-None-Match")
	if known == "" {
		known = sessionsTag(nil)
	}
	var ids []SessionID
	err := x.wait(Topic{Owner: x.user}, func() (done bool, err error) {
		ids, err = x.store.Sessions(x.request.Context(), x.user, &x.limits)
		return sessionsTag(ids) != known, err
	})
	if err != nil {
		return err
	}
	x.header.Set("ETag", sessionsTag(ids))
	x.out = appendSessionIDs(x.out, ids)
	return nil
}

// sessionsTag returns the entity tag of a list of sessions, whatever its order.
// The ids are random, so that their sum modulo 2 tells lists apart.
func sessionsTag(ids []SessionID) string {
	var sum SessionID
	for _, id := range ids {
		for i := range sum {
			sum[i] ^= id[i]
		}
	}
	return `"` + sum.String() + `"`
}

// sessionInfo answers with a session's members.
func (x *exchange) sessionInfo() error {
	var request sessionRequest
	session, err := x.openSession(&request, &request.session)
	if err != nil {
		return err
	}
	x.out = appendSession(x.out, session)
	return nil
}

// openSession reads a request that names a session, which must be open and the
// caller's: otherwise it is not found.
func (x *exchange) openSession(request decodable, id *SessionID) (*Session, error) {
	if err := x.decode(request); err != nil {
		return nil, err
	}
	x.session = *id
	session, closed, err := x.store.Session(x.request.Context(), *id)
	switch {
	case err != nil:
		return nil, err
	case closed || !session.Admits(x.user):
		return nil, ErrSessionNotFound
	}
	return session, nil
}

// send queues a message.
func (x *exchange) send() error {
	var request sendRequest
	if err := x.decode(&request); err != nil {
		return err
	}
	x.session = request.session
	if len(request.msg) > x.limits.Message {
		return errMsgTooBig
	}
	session, closed, err := x.store.Session(x.request.Context(), request.session)
	switch {
	case err != nil:
		return err
	case closed && x.request.Header.Get(idempotencyHeader) == "": // a repeat is answered as the call was
		return ErrSessionNotFound
	}
	if err := x.checkRecipients(session, &request.recipients); err != nil {
		return err
	}
	idempotency, err := idempotencyKey(x.request.Header)
	if err != nil {
		return err
	}
	return x.store.Send(x.request.Context(), &Envelope{
		Session:    request.session,
		Sender:     x.user,
		Recipients: request.recipients.keys,
		Body:       request.msg,
		KeepsEarly: keepsEarly(x.request.Header),
		From:       x.from,
		ID:         idempotency,
	}, x.room())
}

// checkRecipients checks that the caller and all recipients are in the session,
// nobody twice.
func (x *exchange) checkRecipients(session *Session, list *keyList) error {
	if list.malformed || !session.Admits(x.user) {
		return ErrNotInSession
	}
	if len(list.keys) > len(session.Members) {
		return InvalidArgumentError("recipients")
	}
	for _, k := range list.keys {
		if !session.HasMember(k) {
			return ErrNotInSession
		}
	}
	if repeats(list.keys) {
		return InvalidArgumentError("recipients")
	}
	return nil
}

// receive answers with the messages of one of the caller's mailboxes; where the
// caller waits, once there is one.
func (x *exchange) receive() error {
	request := receiveRequest{cursor: HandedOver}
	if err := x.decode(&request); err != nil {
		return err
	}
	x.session = request.session
	session, _, err := x.store.Session(x.request.Context(), request.session)
	switch {
	case err != nil:
		return err
	case !session.Admits(x.user):
		return ErrNotInSession
	}
	asCoordinator := request.asCoordinator && x.user == session.Coordinator
	box := Mailbox{session.ID, x.user, asCoordinator}
	err = x.wait(box, func() (done bool, err error) { return x.page(box, request.cursor) })
	if err != nil || len(x.out) > 0 {
		return err
	}
	x.out = appendMessages(x.out, nil, 0)
	return nil
}

// page answers with the next messages of a mailbox, if there are any.
func (x *exchange) page(box Mailbox, after Cursor) (found bool, err error) {
	x.building <- struct{}{}
	defer func() { <-x.building }()
	messages, cursor, err := x.store.Receive(x.request.Context(), box, after, &x.limits)
	if err != nil || len(messages) == 0 {
		return false, err
	}
	if after == HandedOver {
		cursor = 0 // the caller knows no cursors
	}
	size := messagesSize(messages)
	if x.depart(size); size > cap(x.out) {
		x.out = make([]byte, 0, size)
	}
	x.out = appendMessages(x.out, messages, cursor)
	return true, nil
}

// closeSession closes a session of the caller's.
func (x *exchange) closeSession() error {
	var request closeRequest
	session, err := x.openSession(&request, &request.session)
	if err != nil {
		return err
	}
	if session.Coordinator != x.user {
		return ErrNotCoordinator
	}
	if err := x.store.CloseSession(x.request.Context(), session.ID, request.carry, &x.limits); err != nil {
		return err
	}
	x.out = append(x.out, "null"...)
	return nil
}

// leaveSession takes a session off the caller's list, such as one that a
// stranger made. Its coordinator closes it instead.
func (x *exchange) leaveSession() error {
	var request sessionRequest
	session, err := x.openSession(&request, &request.session)
	switch {
	case err != nil:
		return err
	case session.Coordinator == x.user:
		return errCoordinatorLeaves
	}
	if err := x.store.LeaveSession(x.request.Context(), session.ID, x.user); err != nil {
		return err
	}
	x.out = append(x.out, "null"...)
	return nil
}
