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
	"slices"
	"strings"

	"frostkit/internal/durable"
	"frostkit/internal/files"
)

// recordsVersion is the version of the file of records that is written. Versions 1 and 2 are read: both have
// bundles and no shares, and version 1 has certificates, the transcripts again, each with its signatures.
const recordsVersion = 3

// How much the file keeps, for which the oldest records that are pending go. A record of the largest
// group that a ceremony file can have, 255 members with a threshold as high, takes 4.1 MiB, and
// 36 MiB where the others sent the longest ciphertexts that there are.
const (
	maxRecords     = 64       // records
	maxRecordsSize = 40 << 20 // bytes
)

// ErrInvalidRecords is what reading a file of records fails with that is
// not understood. It is left as it is.
var ErrInvalidRecords = errors.New("file of pending shares is not valid")

// Record is what a member stores of a key generation before the others may rely on
// it: the share, or what is the share to who has the member's communication key. It lies in a file of
// its own beside the credentials, which frost-client reads and would not keep it.
type Record struct {
	// Ceremony is the SHA-256 digest of the ceremony file, 32 bytes, and Step the name
	// of the group in it.
	Ceremony []byte
	Step     string
	// Attempt names the attempt of the key generation, 32 bytes.
	Attempt []byte
	// Transcript and Bundle are as package cocktail encodes them. Where there is no bundle there is a share.
	Transcript, Bundle []byte
	// Share is the member's key package in postcard.
	Share []byte
	// Signatures are what follows the transcript in the certificate of a finished key
	// generation, nil while it is pending.
	Signatures []byte
}

// Format prints a placeholder, whatever the verb.
func (r Record) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[record]") }

// MarshalText fails, and so does every encoder that asks it: [StoreRecord] writes records, and nothing else does.
func (r Record) MarshalText() ([]byte, error) { return nil, errMarshalRecord }

var errMarshalRecord = errors.New("refusing to marshal a record of a share")

// recordsPath returns where the records are beside the target of a credentials file:
// "NAME.toml.pending" for "NAME.toml".
func recordsPath(target files.Place) files.Place { return target.Plus(".pending") }

// LoadRecords is [File.Records] of the file at path.
func LoadRecords(path string) ([]Record, error) { return At(files.At(path)).Records() }

// Records reads the records beside a credentials file, oldest first. Without
// a file there are none. One that is not understood is an [ErrInvalidRecords].
func (f File) Records() ([]Record, error) {
	target, err := f.resolved()
	if err != nil {
		return nil, fmt.Errorf("reading pending shares: %w", err)
	}
	return readRecords(recordsPath(target))
}

func readRecords(p files.Place) ([]Record, error) {
	data, _, err := p.Read(maxRecordsSize + 1)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading pending shares: %w", err)
	}
	defer clear(data)
	list, err := decodeRecords(data)
	if err != nil {
		return nil, fmt.Errorf("reading pending shares in %q: %w: %w", p.Path, ErrInvalidRecords, err)
	}
	return list, nil
}

// StoreRecord is [File.StoreRecord] of the file at path.
func StoreRecord(ctx context.Context, path string, r Record) error {
	return At(files.At(path)).StoreRecord(ctx, r)
}

// StoreRecord keeps a record, instead of the one of the same attempt if there is one. It is
// on the disk when StoreRecord returns. It takes the lock that [Update] takes.
func (f File) StoreRecord(ctx context.Context, r Record) error {
	return f.updateRecords(ctx, func(list []Record) []Record { return withRecord(list, r) })
}

// withRecord adds a record to the list, or replaces the one of the same attempt.
func withRecord(list []Record, r Record) []Record {
	sameAttempt := func(old Record) bool { return bytes.Equal(old.Attempt, r.Attempt) }
	if i := slices.IndexFunc(list, sameAttempt); i >= 0 {
		list[i] = r
	} else {
		list = append(list, r)
	}
	for tooMuch(list) {
		i := slices.IndexFunc(list, func(old Record) bool { return old.Signatures == nil && !sameAttempt(old) })
		if i < 0 {
			break
		}
		list = slices.Delete(list, i, i+1)
	}
	return list
}

func tooMuch(list []Record) bool {
	size := 0
	for _, r := range list {
		size += r.size()
	}
	return len(list) > maxRecords || size > maxRecordsSize
}

// size is how many bytes a record takes in the file at most.
func (r Record) size() int {
	const names = 256 // of the fields, with what stands around them
	return names + 6*len(r.Step) + 2*(len(r.Ceremony)+len(r.Attempt)+len(r.Transcript)+len(r.Bundle)+len(r.Share)+len(r.Signatures))
}

// RemoveRecords is [File.RemoveRecords] of the file at path.
func RemoveRecords(ctx context.Context, path string, ceremony []byte, step string) error {
	return At(files.At(path)).RemoveRecords(ctx, ceremony, step)
}

// RemoveRecords removes the records of a step of a ceremony: when the group is saved, and all
// members have said that theirs is.
func (f File) RemoveRecords(ctx context.Context, ceremony []byte, step string) error {
	return f.updateRecords(ctx, func(list []Record) []Record {
		return slices.DeleteFunc(list, func(r Record) bool { return bytes.Equal(r.Ceremony, ceremony) && r.Step == step })
	})
}

func (f File) updateRecords(ctx context.Context, change func([]Record) []Record) error {
	const doing = "storing pending shares: %w"
	target, unlock, err := f.acquire(ctx)
	if err != nil {
		return fmt.Errorf(doing, err)
	}
	defer unlock()
	pending := recordsPath(target)
	durable.RemoveLeftovers(pending)
	list, err := readRecords(pending)
	if err != nil {
		return err
	}
	if list = change(list); len(list) == 0 {
		if err := pending.Remove(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf(doing, err)
		}
		return nil
	}
	encoded := encodeRecords(list)
	defer clear(encoded)
	if _, err := decodeRecords(encoded); err != nil {
		return fmt.Errorf("storing pending shares, which could not be read again, so nothing was written to %q: %w", pending.Path, err)
	}
	if err := durable.Write(pending, encoded, 0o600); err != nil {
		return fmt.Errorf(doing, err)
	}
	return nil
}

// recordsFile is the file: JSON, byte strings in hexadecimal.
type recordsFile struct {
	Version int          `json:"version"`
	Pending []recordJSON `json:"pending"`
}

type recordJSON struct {
	Ceremony    string `json:"ceremony"`
	Step        string `json:"step"`
	Attempt     string `json:"attempt"`
	Transcript  string `json:"transcript"`
	Bundle      string `json:"bundle,omitempty"`
	Share       string `json:"share,omitempty"` // from version 3 on
	Signatures  string `json:"signatures,omitempty"`
	Certificate string `json:"certificate,omitempty"` // in version 1
}

func encodeRecords(list []Record) []byte {
	file := recordsFile{Version: recordsVersion}
	for _, r := range list {
		file.Pending = append(file.Pending, recordJSON{
			Ceremony: hex.EncodeToString(r.Ceremony), Step: r.Step, Attempt: hex.EncodeToString(r.Attempt),
			Transcript: hex.EncodeToString(r.Transcript), Bundle: hex.EncodeToString(r.Bundle), Share: hex.EncodeToString(r.Share), Signatures: hex.EncodeToString(r.Signatures),
		})
	}
	encoded, err := json.MarshalIndent(file, "", " ")
	if err != nil {
		panic("keyring: internal error: " + err.Error()) // strings and a number
	}
	return append(encoded, '\n')
}

func decodeRecords(data []byte) ([]Record, error) {
	if len(data) > maxRecordsSize {
		return nil, fmt.Errorf("it has more than %d bytes", maxRecordsSize)
	}
	var file recordsFile
	in := json.NewDecoder(bytes.NewReader(data))
	in.DisallowUnknownFields()
	if err := in.Decode(&file); err != nil {
		return nil, err
	}
	if in.More() {
		return nil, errors.New("something follows its end")
	}
	if file.Version < 1 || file.Version > recordsVersion {
		return nil, fmt.Errorf("its version is %d, want at most %d", file.Version, recordsVersion)
	}
	var list []Record
	for i, encoded := range file.Pending {
		r, err := encoded.decode(file.Version)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", i+1, err)
		}
		list = append(list, r)
	}
	return list, nil
}

func (j recordJSON) decode(version int) (Record, error) {
	if err := j.upgrade(version); err != nil {
		return Record{}, err
	}
	r := Record{Step: j.Step}
	for _, field := range []struct {
		to   *[]byte
		text string
		size int // 0: any but none; -1: may be missing
	}{
		{&r.Ceremony, j.Ceremony, 32},
		{&r.Attempt, j.Attempt, 32},
		{&r.Transcript, j.Transcript, 0},
		{&r.Bundle, j.Bundle, -1},
		{&r.Share, j.Share, -1},
		{&r.Signatures, j.Signatures, -1},
	} {
		b, err := hex.DecodeString(field.text)
		if err != nil {
			return Record{}, errors.New("it is not hexadecimal")
		}
		if field.size > 0 && len(b) != field.size || field.size == 0 && len(b) == 0 {
			return Record{}, fmt.Errorf("a field has %d bytes", len(b))
		}
		if len(b) > 0 {
			*field.to = b
		}
	}
	if (r.Bundle == nil) == (r.Share == nil) {
		return Record{}, errors.New("it has no share and no bundle, or both")
	}
	return r, nil
}

// upgrade makes it a record of the version that is written.
func (j *recordJSON) upgrade(version int) error {
	signatures, ok := strings.CutPrefix(j.Certificate, j.Transcript)
	switch {
	case version == 1 && j.Share == "" && j.Signatures == "" && (ok || j.Certificate == ""):
		j.Signatures = signatures
		return nil
	case version == 2 && j.Certificate == "" && j.Share == "", version == 3 && j.Certificate == "":
		return nil
	}
	return fmt.Errorf("it is no record of version %d", version)
}
