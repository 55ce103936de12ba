package cocktail

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"frostkit/frost"
	"frostkit/internal/testheap"
)

// A round goes on once, whoever asks.
func TestRoundsAreSpent(t *testing.T) {
	p := newParty(t, "spent", 2, 3)
	rounds, messages := p.round1(t, 2)
	duplicate := *rounds[0]
	var wait sync.WaitGroup
	results := make(chan error, 8)
	for range cap(results) {
		wait.Go(func() {
			_, err := duplicate.Next(messages)
			results <- err
		})
	}
	wait.Wait()
	close(results)
	succeeded := 0
	for err := range results {
		if err == nil {
			succeeded++
		} else if !errors.Is(err, ErrRoundSpent) {
			t.Error(err)
		}
	}
	if succeeded != 1 {
		t.Errorf("%d of the calls succeeded, want 1", succeeded)
	}
	if _, err := rounds[0].Next(messages); !errors.Is(err, ErrRoundSpent) {
		t.Errorf("got %v, want %v", err, ErrRoundSpent)
	}
	if _, err := rounds[1].Next(nil); err == nil {
		t.Error("round 1 goes on without messages")
	}
	if _, err := rounds[1].Next(messages); !errors.Is(err, ErrRoundSpent) {
		t.Errorf("after a failure got %v, want %v", err, ErrRoundSpent)
	}
	rounds[2].Destroy()
	if _, err := rounds[2].Next(messages); !errors.Is(err, ErrRoundSpent) {
		t.Errorf("after Destroy got %v, want %v", err, ErrRoundSpent)
	}
}

func TestRound2Destroy(t *testing.T) {
	p := newParty(t, "destroy", 2, 2)
	rounds := p.round2(t, 2)
	must(rounds[0].Next(nil))(t)
	if _, err := rounds[0].Next(nil); !errors.Is(err, ErrRoundSpent) {
		t.Errorf("got %v, want %v", err, ErrRoundSpent)
	}
	rounds[0].Destroy() // too late: the keys are the caller's
	if err := rounds[0].KeyPackage().Check(); err != nil {
		t.Error(err)
	}
	rounds[1].Destroy()
	if _, err := rounds[1].Next(nil); !errors.Is(err, ErrRoundSpent) {
		t.Errorf("got %v, want %v", err, ErrRoundSpent)
	}
	if rounds[1].KeyPackage().Check() == nil {
		t.Error("the key package is not wiped")
	}
}

// A round 2 that does not go on has no use for what it holds.
func TestRound2FailsAndWipes(t *testing.T) {
	p := newParty(t, "fails", 2, 3)
	fails := map[string]func(i int, round *Round2) error{
		"extension": func(_ int, round *Round2) error {
			_, err := round.Next(make([]byte, maxExtension+1))
			return err
		},
		"static key": func(i int, round *Round2) error {
			p.keys[i].Destroy()
			_, err := round.Next(nil)
			return err
		},
	}
	for i, name := range []string{"extension", "static key"} {
		round := p.round2(t, 2)[i]
		round.payloads[p.ids[0]] = []byte("payload")
		if err := fails[name](i, round); err == nil || errors.Is(err, ErrRoundSpent) {
			t.Errorf("%s: got %v", name, err)
		}
		if _, err := frost.NewSigner(random(1), round.KeyPackage()); !errors.Is(err, frost.ErrDestroyed) {
			t.Errorf("%s: the key package signs: %v", name, err)
		}
		equal(t, name+": payload", round.Payload(p.ids[0]), make([]byte, 7))
		round.Destroy()
	}
}

// Of a payload nothing is left once the key generation has failed, or is abandoned.
func TestPayloadsAreWiped(t *testing.T) {
	p := newParty(t, "wiped", 2, 3)
	payload := make([]byte, 32)
	_, _ = rand.Read(payload)
	rounds, messages := p.round1(t, 2)
	again, _ := p.round1(t, 2)
	messages[p.ids[1]] = must(New(Config{Setup: p.setup, Key: p.keys[1], Payloads: map[frost.Identifier][]byte{p.ids[0]: payload}}))(t).Message()
	bad := maps.Clone(messages)
	bad[p.ids[2]] = cheat{shares: addOne}.message(t, p, 2)
	watched := testheap.Watch(t, payload)
	_, err := rounds[0].Next(bad)
	wantBlame(t, err, CheckShare, p.ids[2])
	if watched.InHeap(t) {
		t.Error("a round that fails leaves a payload")
	}
	round := must(again[0].Next(messages))(t)
	if !watched.InHeap(t) {
		t.Error("the payload is not in the heap to begin with")
	}
	round.Destroy()
	if watched.InHeap(t) {
		t.Error("Destroy leaves a payload")
	}
}

func TestDestroyedStaticKey(t *testing.T) {
	p := newParty(t, "destroyed", 2, 2)
	rounds1, messages := p.round1(t, 2)
	rounds2 := p.round2(t, 3)
	p.keys[0].Destroy()
	_, err1 := New(Config{Setup: p.setup, Key: p.keys[0]})
	_, err2 := rounds1[0].Next(messages)
	_, err3 := rounds2[0].Next(nil)
	for _, err := range []error{err1, err2, err3} {
		if !errors.Is(err, frost.ErrDestroyed) {
			t.Errorf("got %v, want %v", err, frost.ErrDestroyed)
		}
	}
}

// Messages of other sessions, groups and attempts do not pass for those of this one.
func TestSessionsDoNotMix(t *testing.T) {
	p := newParty(t, "this", 2, 3)
	others := map[string]party{
		"session":   newParty(t, "that", 2, 3),
		"threshold": newParty(t, "this", 3, 3),
		"members":   newParty(t, "this", 2, 4),
	}
	for name, other := range others {
		rounds, messages := p.round1(t, 2)
		_, strange := other.round1(t, 2)
		messages[p.ids[1]] = strange[p.ids[1]]
		if _, err := rounds[0].Next(messages); err == nil || !strings.Contains(err.Error(), "another session") {
			t.Errorf("other %s: got %v", name, err)
		}
	}
	// The same bytes, passed as a message of this session.
	rounds, messages := p.round1(t, 2)
	_, strange := others["session"].round1(t, 3)
	messages[p.ids[1]] = must(DecodeRound1Message(p.setup, p.ids[1], strange[p.ids[1]].Encode()))(t)
	_, err := rounds[0].Next(messages)
	wantBlame(t, err, CheckProof, p.ids[1])
	// Those of one member as another's.
	rounds, messages = p.round1(t, 2)
	messages[p.ids[1]] = must(DecodeRound1Message(p.setup, p.ids[1], messages[p.ids[2]].Encode()))(t)
	_, err = rounds[0].Next(messages)
	wantBlame(t, err, CheckDecryption, p.ids[1])
}

func TestPayloads(t *testing.T) {
	p := newParty(t, "payloads", 2, 3)
	_, messages := p.round1(t, 2)
	payloads := map[frost.Identifier][]byte{p.ids[1]: []byte("to the second"), p.ids[0]: make([]byte, MaxCiphertextSize-48)}
	first := must(New(Config{Setup: p.setup, Key: p.keys[0], Payloads: payloads}))(t)
	messages[p.ids[0]] = must(DecodeRound1Message(p.setup, p.ids[0], first.Message().Encode()))(t)
	second := must(New(Config{Setup: p.setup, Key: p.keys[1]}))(t)
	delete(messages, p.ids[1])
	got := must(second.Next(messages))(t)
	equal(t, "payload", got.Payload(p.ids[0]), []byte("to the second"))
	equal(t, "no payload", got.Payload(p.ids[2]), nil)
	for _, payloads := range []map[frost.Identifier][]byte{
		{must(frost.NewIdentifier(cs, 9))(t): nil},
		{p.ids[0]: make([]byte, MaxCiphertextSize-47)},
	} {
		if _, err := New(Config{Setup: p.setup, Key: p.keys[0], Payloads: payloads}); err == nil {
			t.Error("a payload to nobody, or one too long, is taken")
		}
	}
	if _, err := New(Config{Setup: newParty(t, "x", 2, 2).setup, Key: p.keys[2]}); !errors.Is(err, ErrNotMember) {
		t.Errorf("got %v, want %v", err, ErrNotMember)
	}
	if _, err := New(Config{Key: p.keys[2]}); err == nil {
		t.Error("no setup is taken")
	}
	if _, err := New(Config{Setup: p.setup, Key: p.keys[0], Random: strings.NewReader("short")}); err == nil {
		t.Error("5 bytes of randomness suffice")
	}
}

// Secrets neither print nor marshal.
func TestSecretsDoNotPrint(t *testing.T) {
	p := newParty(t, "print", 2, 2)
	rounds, _ := p.round1(t, 2)
	for _, secret := range []any{p.keys[0], *p.keys[0], rounds[0], *rounds[0], p.round2(t, 2)[0]} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			if got := fmt.Sprintf(verb, secret); got != "[secret]" {
				t.Errorf("%T prints as %q", secret, got)
			}
		}
	}
	if _, err := p.keys[0].MarshalText(); !errors.Is(err, frost.ErrSecret) {
		t.Errorf("got %v, want %v", err, frost.ErrSecret)
	}
}
