package sealed

import (
	"crypto/rand"
	"errors"
	"testing"

	"frostkit/commkey"
)

func TestOnce(t *testing.T) {
	alice, _ := commkey.Generate(rand.Reader)
	bob, _ := commkey.Generate(rand.Reader)
	message, err := SealOnce(alice, bob.Public(), []byte("session 1"), []byte("hello"))
	if err != nil || len(message) != 5+FirstOverhead {
		t.Fatalf("sealed %d bytes, %v", len(message), err)
	}
	plaintext, err := OpenOnce(bob, alice.Public(), []byte("session 1"), message)
	if err != nil || string(plaintext) != "hello" {
		t.Errorf("opened %q, %v", plaintext, err)
	}
	if _, err := OpenOnce(bob, alice.Public(), []byte("session 2"), message); !errors.Is(err, ErrOpen) {
		t.Errorf("with another prologue: %v, want %v", err, ErrOpen)
	}
	if _, err := OpenOnce(bob, bob.Public(), []byte("session 1"), message); !errors.Is(err, ErrOpen) {
		t.Errorf("of another sender: %v, want %v", err, ErrOpen)
	}
	if _, err := SealOnce(alice, bob.Public(), nil, make([]byte, MaxMessage)); !errors.Is(err, ErrTooLong) {
		t.Errorf("too long: %v, want %v", err, ErrTooLong)
	}
}
