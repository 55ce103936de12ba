package keyring

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"frostkit/internal/durable"
)

// pendingVersion is the version of the file of pending shares that is written. Version 1, which is
// read, has certificates: the transcripts again, each with its signatures.
const pendingVersion = 2

// How much the file keeps, for which the oldest unfinished records go. A record of the largest
// group that a ceremony file can have, 255 members with a threshold as high, takes 4.1 MiB, and
// 36 MiB where the others sent the longest ciphertexts that there are.
const (
	maxPending     = 64       // records
	maxPendingSize = 40 << 20 // bytes
)

// ErrInvalidPending is what reading a file of pending shares fails with that is
// not understood. It is left as it is.
var ErrInvalidPending = errors.New("file of pending shares is not valid")

// Pending is what a member stores of a key generation before the others may rely on
// it: with the member's communication key it is the share. It lies in a file of
// its own beside the credentials, which frost-client reads and would not keep it.
type Pending struct {
	// Ceremony is the SHA-256 digest of the ceremony file, 32 bytes, and Step the name
	// of the group in it.
	Ceremony []byte
	Step     string
	// Attempt names the attempt of the key generation, 32 bytes.
	Attempt []byte
	// Transcript and Bundle are as package cocktail encodes them.
	Transcript, Bundle []byte
	// Signatures are what follows the transcript in the certificate of a finished key
	// generation, nil while it is pending.
	Signatures []byte
}

// Format prints a placeholder, whatever the verb.
func (p Pending) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[pending share]") }

// pendingPath returns where the pending shares are beside the target of a credentials file:
// "NAME.toml.pending" for "NAME.toml".
func pendingPath(target string) string { return target + ".pending" }

// LoadPending reads the pending shares beside a credentials file, oldest first. Without
// a file there are none. One that is not understood is an [ErrInvalidPending].
func LoadPending(credentials string) ([]Pending, error) {
	target, err := resolve(credentials)
	if err != nil {
		return nil, fmt.Errorf("reading pending shares: %w", err)
	}
	return readPending(pendingPath(target))
}

func readPending(path string) ([]Pending, error) {
	data, _, err := readFile(path, maxPendingSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading pending shares: %w", err)
	}
	defer clear(data)
	list, err := decodePending(data)
	if err != nil {
		return nil, fmt.Errorf("reading pending shares in %q: %w: %w", path, ErrInvalidPending, err)
	}
	return list, nil
}

// StorePending keeps a pending share, instead of the one of the same attempt if there is one. It is
// on the disk when StorePending returns. It takes the lock that [Update] takes.
func StorePending(ctx context.Context, credentials string, p Pending) error {
	return updatePending(ctx, credentials, func(list []Pending) []Pending { return withPending(list, p) })
}

// withPending adds a record to the list, or replaces the one of the same attempt.
func withPending(list []Pending, p Pending) []Pending {
	sameAttempt := func(q Pending) bool { return bytes.Equal(q.Attempt, p.Attempt) }
	if i := slices.IndexFunc(list, sameAttempt); i >= 0 {
		list[i] = p
	} else {
		list = append(list, p)
	}
	for tooMuch(list) {
		i := slices.IndexFunc(list, func(q Pending) bool { return q.Signatures == nil && !sameAttempt(q) })
		if i < 0 {
			break
		}
		list = slices.Delete(list, i, i+1)
	}
	return list
}

func tooMuch(list []Pending) bool {
	size := 0
	for _, p := range list {
		size += p.size()
	}
	return len(list) > maxPending || size > maxPendingSize
}

// size is how many bytes a record takes in the file at most.
func (p Pending) size() int {
	const names = 256 // of the fields, with what stands around them
	return names + 6*len(p.Step) + 2*(len(p.Ceremony)+len(p.Attempt)+len(p.Transcript)+len(p.Bundle)+len(p.Signatures))
}

// RemovePending removes the pending shares of a step of a ceremony: when the group is saved, and all
// members have said that theirs is.
func RemovePending(ctx context.Context, credentials string, ceremony []byte, step string) error {
	return updatePending(ctx, credentials, func(list []Pending) []Pending {
		return slices.DeleteFunc(list, func(p Pending) bool { return bytes.Equal(p.Ceremony, ceremony) && p.Step == step })
	})
}

func updatePending(ctx context.Context, credentials string, change func([]Pending) []Pending) error {
	const doing = "storing pending shares: %w"
	target, unlock, err := acquire(ctx, credentials)
	if err != nil {
		return fmt.Errorf(doing, err)
	}
	defer unlock()
	path := pendingPath(target)
	durable.RemoveLeftovers(path)
	list, err := readPending(path)
	if err != nil {
		return err
	}
	if list = change(list); len(list) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf(doing, err)
		}
		return nil
	}
	encoded := encodePending(list)
	defer clear(encoded)
	if _, err := decodePending(encoded); err != nil {
		return fmt.Errorf("storing pending shares, which could not be read again, so nothing was written to %q: %w", path, err)
	}
	if err := durable.WriteFile(path, encoded, 0o600); err != nil {
		return fmt.Errorf(doing, err)
	}
	return nil
}

// pendingFile is the file: JSON, byte strings in hexadecimal.
type pendingFile struct {
	Version int             `json:"version"`
	Pending []pendingRecord `json:"pending"`
}

type pendingRecord struct {
	Ceremony    string `json:"ceremony"`
	Step        string `json:"step"`
	Attempt     string `json:"attempt"`
	Transcript  string `json:"transcript"`
	Bundle      string `json:"bundle"`
	Signatures  string `json:"signatures,omitempty"`
	Certificate string `json:"certificate,omitempty"` // in version 1
}

func encodePending(list []Pending) []byte {
	file := pendingFile{Version: pendingVersion}
	for _, p := range list {
		file.Pending = append(file.Pending, pendingRecord{
			Ceremony: hex.EncodeToString(p.Ceremony), Step: p.Step, Attempt: hex.EncodeToString(p.Attempt),
			Transcript: hex.EncodeToString(p.Transcript), Bundle: hex.EncodeToString(p.Bundle), Signatures: hex.EncodeToString(p.Signatures),
		})
	}
	encoded, err := json.MarshalIndent(file, "", " ")
	if err != nil {
		panic("keyring: internal error: " + err.Error()) // strings and a number
	}
	return append(encoded, '\n')
}

func decodePending(data []byte) ([]Pending, error) {
	if len(data) > maxPendingSize {
		return nil, fmt.Errorf("it has more than %d bytes", maxPendingSize)
	}
	var file pendingFile
	in := json.NewDecoder(bytes.NewReader(data))
	in.DisallowUnknownFields()
	if err := in.Decode(&file); err != nil {
		return nil, err
	}
	if in.More() {
		return nil, errors.New("something follows its end")
	}
	if file.Version < 1 || file.Version > pendingVersion {
		return nil, fmt.Errorf("its version is %d, want at most %d", file.Version, pendingVersion)
	}
	var list []Pending
	for i, r := range file.Pending {
		p, err := r.decode(file.Version)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", i+1, err)
		}
		list = append(list, p)
	}
	return list, nil
}

func (r pendingRecord) decode(version int) (Pending, error) {
	if err := r.upgrade(version); err != nil {
		return Pending{}, err
	}
	p := Pending{Step: r.Step}
	for _, field := range []struct {
		to   *[]byte
		text string
		size int // 0: any but none; -1: may be missing
	}{
		{&p.Ceremony, r.Ceremony, 32},
		{&p.Attempt, r.Attempt, 32},
		{&p.Transcript, r.Transcript, 0},
		{&p.Bundle, r.Bundle, 0},
		{&p.Signatures, r.Signatures, -1},
	} {
		b, err := hex.DecodeString(field.text)
		if err != nil {
			return Pending{}, errors.New("it is not hexadecimal")
		}
		if field.size > 0 && len(b) != field.size || field.size == 0 && len(b) == 0 {
			return Pending{}, fmt.Errorf("a field has %d bytes", len(b))
		}
		if len(b) > 0 {
			*field.to = b
		}
	}
	return p, nil
}

// upgrade makes it a record of version 2.
func (r *pendingRecord) upgrade(version int) error {
	signatures, ok := strings.CutPrefix(r.Certificate, r.Transcript)
	switch {
	case version == 1 && r.Signatures == "" && (ok || r.Certificate == ""):
		r.Signatures = signatures
		return nil
	case version == 2 && r.Certificate == "":
		return nil
	}
	return fmt.Errorf("it is no record of version %d", version)
}
