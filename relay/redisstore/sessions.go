package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"frostkit/relay"
)

// flag values of a script's arguments, and of records.
const (
	no, yes    = "0", "1"
	keepsEarly = 1
)

func flag(b bool) string {
	if b {
		return yes
	}
	return no
}

// CreateSession implements [relay.Store].
func (s *Store) CreateSession(ctx context.Context, session *relay.Session, limits *relay.Limits) error {
	return s.change(ctx, "create", session.ID[:], joined(session.Members), session.Coordinator[:], session.MessageCount,
		limits.SessionIdle.Milliseconds(), limits.SessionsPerCreator, limits.SessionsPerMember,
		relay.SessionCost+relay.MemberCost*len(session.Members), relay.TokenCost, limits.DiskBytes,
		networks(session.From), limits.KeyStored, limits.AddressStored)
}

// Session implements [relay.Store].
func (s *Store) Session(ctx context.Context, id relay.SessionID) (session *relay.Session, closed bool, err error) {
	var v struct {
		Members     string `redis:"members"`
		Coordinator string `redis:"coordinator"`
		Count       uint8  `redis:"count"`
		Closed      string `redis:"closed"`
		Carries     string `redis:"carries"`
	}
	err = s.retry(ctx, func() error {
		return s.client.HMGet(ctx, s.prefix+":session:"+string(id[:]), "members", "coordinator", "count", "closed", "carries").Scan(&v)
	})
	switch {
	case err != nil:
		return nil, false, failure("session", err)
	case v.Members == "":
		return nil, false, relay.ErrSessionNotFound
	}
	session = &relay.Session{ID: id, MessageCount: v.Count}
	copy(session.Coordinator[:], v.Coordinator)
	for rest := v.Members; len(rest) >= len(relay.Key{}); rest = rest[len(relay.Key{}):] {
		session.Members = append(session.Members, relay.Key([]byte(rest[:len(relay.Key{})])))
	}
	return session, v.Closed == yes && v.Carries == no, nil
}

// Sessions implements [relay.Store].
func (s *Store) Sessions(ctx context.Context, member relay.Key, limits *relay.Limits) ([]relay.SessionID, error) {
	entries, err := s.run(ctx, "sessions", member[:]).StringSlice()
	if err != nil {
		return nil, failure("sessions", err)
	}
	// Each is the session's number in hexadecimal, its id, and its creator, which an older relay did not write.
	slices.Sort(entries)
	const number, id = 16, len(relay.SessionID{})
	ids, creators := make([]relay.SessionID, 0, len(entries)), map[relay.SessionID]relay.Key{}
	for _, entry := range entries {
		if len(entry) < number+id {
			return nil, failure("sessions", errRecord)
		}
		session := relay.SessionID([]byte(entry[number:][:id]))
		ids = append(ids, session)
		var creator relay.Key
		copy(creator[:], entry[number+id:])
		creators[session] = creator
	}
	return relay.FairShare(ids, member, func(id relay.SessionID) relay.Key { return creators[id] }, limits.SessionsListed), nil
}

// LeaveSession implements [relay.Store].
func (s *Store) LeaveSession(ctx context.Context, id relay.SessionID, member relay.Key) error {
	return s.change(ctx, "leave", id[:], member[:])
}

// CloseSession implements [relay.Store].
func (s *Store) CloseSession(ctx context.Context, id relay.SessionID, carry bool, limits *relay.Limits) error {
	return s.change(ctx, "close", id[:], flag(carry), limits.Grace.Milliseconds(), call())
}

// Send implements [relay.Store].
func (s *Store) Send(ctx context.Context, envelope *relay.Envelope, limits *relay.Limits) error {
	name := "relay " + call()
	if envelope.ID != uuid.Nil {
		name = "sender " + string(envelope.ID[:])
	}
	var flags byte
	if envelope.KeepsEarly {
		flags = keepsEarly
	}
	args := []any{
		envelope.Session[:], envelope.Sender[:],
		[]byte{flags},
		name, envelope.Body,
		relay.MessageCost, relay.RecipientCost, relay.RepeatCost, relay.TokenCost,
		limits.QueueBytes, limits.SessionBytes, limits.DiskBytes, limits.SessionIdle.Milliseconds(), relay.RepeatsKept,
		networks(envelope.From), limits.KeyStored, limits.AddressStored,
	}
	for i := range envelope.Recipients {
		args = append(args, envelope.Recipients[i][:])
	}
	return s.change(ctx, "send", args...)
}

// Receive implements [relay.Store].
func (s *Store) Receive(ctx context.Context, box relay.Mailbox, after relay.Cursor, limits *relay.Limits) ([]relay.StoredMessage, relay.Cursor, error) {
	kind, cursor := "m", "-1"
	if box.Coordinator {
		kind = "c"
	}
	if after != relay.HandedOver {
		cursor = strconv.FormatUint(uint64(min(after, 1<<52)), 10) // of what a script counts by
	}
	answer, err := s.run(ctx, "receive", box.Session[:], kind+string(box.Owner[:]), cursor, call(), limits.PageBytes,
		limits.SessionIdle.Milliseconds(), relay.MessageCost, relay.RecipientCost).Result()
	if err != nil {
		return nil, 0, failure("receive", err)
	}
	switch answer := answer.(type) {
	case string:
		if outcome := outcomes[answer]; outcome != nil {
			return nil, 0, outcome
		}
	case []any:
		return messages(answer)
	}
	return nil, 0, failure("receive", fmt.Errorf("unexpected answer of type %T", answer))
}

var errRecord = errors.New("a message is not as it was stored")

// messages reads a script's answer: the cursor, and records.
func messages(answer []any) ([]relay.StoredMessage, relay.Cursor, error) {
	if len(answer) < 2 {
		return nil, 0, nil
	}
	cursor, ok := answer[0].(int64)
	if !ok {
		return nil, 0, failure("receive", errRecord)
	}
	out := make([]relay.StoredMessage, 0, len(answer)-1)
	for _, record := range answer[1:] {
		text, ok := record.(string)
		if !ok || len(text) < 1+len(relay.Key{}) {
			return nil, 0, failure("receive", errRecord)
		}
		m := relay.StoredMessage{KeepsEarly: text[0] == keepsEarly, Body: []byte(text[1+len(relay.Key{}):])}
		copy(m.Sender[:], text[1:])
		out = append(out, m)
	}
	return out, relay.Cursor(cursor), nil
}
