package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"frostkit/commkey"
	"frostkit/relay/xeddsa"
)

// member is somebody with a key and, once logged in, a token.
type member struct {
	key    *commkey.PrivateKey
	public string // hex
	token  string
}

func newMember() (*member, error) {
	key, err := commkey.Generate(rand.Reader)
	if err != nil {
		return nil, err
	}
	return &member{key: key, public: key.Public().String()}, nil
}

// login gets a token: challenge, signature, login.
func (m *member) login(t *target, w caller) error {
	var challenge struct{ Challenge uuid.UUID }
	if err := w.ask(t.request("challenge", "", "null"), &challenge); err != nil {
		return fmt.Errorf("asking for a challenge: %w", err)
	}
	signature, err := xeddsa.Sign(rand.Reader, m.key, challenge.Challenge[:])
	if err != nil {
		return err
	}
	body := fmt.Sprintf(`{"challenge":"%s","pubkey":"%s","signature":"%s"}`,
		challenge.Challenge, m.public, hex.EncodeToString(signature[:]))
	var login struct {
		Token uuid.UUID `json:"access_token"`
	}
	if err := w.ask(t.request("login", "", body), &login); err != nil {
		return fmt.Errorf("logging in: %w", err)
	}
	m.token = login.Token.String()
	return nil
}

// newMembers makes members and logs them in.
func newMembers(t *target, w caller, count int) ([]*member, error) {
	members := make([]*member, count)
	for i := range members {
		m, err := newMember()
		if err != nil {
			return nil, err
		}
		if err := m.login(t, w); err != nil {
			return nil, err
		}
		members[i] = m
	}
	return members, nil
}

// createRequest is the call with which m opens a session of the members.
func (m *member) createRequest(t *target, members ...*member) []byte {
	keys := make([]string, len(members))
	for i := range members {
		keys[i] = `"` + members[i].public + `"`
	}
	return t.request("create_new_session", m.token, `{"pubkeys":[`+strings.Join(keys, ",")+`],"message_count":1}`)
}

// create opens a session of the members and returns its id.
func (m *member) create(t *target, w caller, members ...*member) (string, error) {
	var created struct {
		ID uuid.UUID `json:"session_id"`
	}
	if err := w.ask(m.createRequest(t, members...), &created); err != nil {
		return "", fmt.Errorf("opening a session: %w", err)
	}
	return created.ID.String(), nil
}

// receiveRequest is the call with which m fetches its messages.
func (m *member) receiveRequest(t *target, session string, header ...string) []byte {
	return t.request("receive", m.token, `{"session_id":"`+session+`","as_coordinator":false}`, header...)
}
