package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// worker does one thing over and over on a connection of its own.
type worker interface {
	once() error
	finish() error // checks what can be checked at the end, and closes
}

// mailer sends messages from one member to another and fetches each, of several
// processes from another one than it was sent to. Every message has a number, so
// that one lost, repeated, reordered or damaged shows.
type mailer struct {
	*wires
	number        uint64
	send, receive []byte
	expected      []byte // the answer of receive
}

// numberAt finds in b the digits of the message's number, the first of it.
func numberAt(b []byte) []byte {
	_, after, _ := bytes.Cut(b, []byte(`"msg":"`))
	return after[:16]
}

func newMailer(ctx context.Context, t *target, size int) (worker, error) {
	w, err := t.dialAll(ctx)
	if err != nil {
		return nil, err
	}
	members, err := newMembers(t, w, 2)
	if err != nil {
		return nil, err
	}
	from, to := members[0], members[1]
	session, err := from.create(t, w, from, to)
	if err != nil {
		return nil, err
	}
	msg := strings.Repeat("0", 16) + hex.EncodeToString(filling(size-8))
	return &mailer{
		wires:    w,
		send:     t.request("send", from.token, `{"session_id":"`+session+`","recipients":["`+to.public+`"],"msg":"`+msg+`"}`),
		receive:  to.receiveRequest(t, session),
		expected: []byte(`{"msgs":[{"sender":"` + from.public + `","msg":"` + msg + `"}]}`),
	}, nil
}

// filling returns bytes that differ from place to place.
func filling(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// once sends a message and receives it.
func (m *mailer) once() error {
	m.number++
	var number [8]byte
	binary.BigEndian.PutUint64(number[:], m.number)
	hex.Encode(numberAt(m.send), number[:])
	hex.Encode(numberAt(m.expected), number[:])
	if _, err := m.call(m.send); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	got, err := m.call(m.receive)
	if err != nil {
		return fmt.Errorf("receiving: %w", err)
	}
	return m.check(got)
}

// check compares an answer of receive with the message sent.
func (m *mailer) check(got []byte) error {
	if bytes.Equal(got, m.expected) || sameJSON(got, m.expected) {
		return nil
	}
	return fmt.Errorf("message %d did not arrive once and intact: %.300s", m.number, got)
}

// sameJSON reports whether two answers of receive say the same, whatever their
// layout and further fields.
func sameJSON(a, b []byte) bool {
	var messages [2]struct {
		Msgs []struct{ Sender, Msg string }
	}
	for i, text := range [][]byte{a, b} {
		if err := json.Unmarshal(text, &messages[i]); err != nil {
			return false
		}
	}
	return fmt.Sprint(messages[0]) == fmt.Sprint(messages[1])
}

// finish checks that nothing is left in the mailbox.
func (m *mailer) finish() error {
	defer m.close()
	got, err := m.call(m.receive)
	if err != nil {
		return fmt.Errorf("receiving: %w", err)
	}
	if !sameJSON(got, []byte(`{"msgs":[]}`)) {
		return errors.New("a message arrived twice")
	}
	return nil
}

// visitor logs in.
type visitor struct {
	*wires
	*member
	target *target
}

func newVisitor(ctx context.Context, t *target, _ int) (worker, error) {
	w, err := t.dialAll(ctx)
	if err != nil {
		return nil, err
	}
	m, err := newMember()
	return &visitor{w, m, t}, err
}

func (v *visitor) once() error { return v.login(v.target, v.wires) }

func (v *visitor) finish() error {
	v.close()
	return nil
}
