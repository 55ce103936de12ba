package cocktail

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"frostkit/frost"
	"frostkit/frost/internal/group"
)

// Transcript is T: everything public of a key generation, in the one form that all
// members sign ("Round 3: Certification"). It holds no secret.
type Transcript struct {
	setup     *Setup
	all       []contribution
	extension []byte
	encoded   []byte
}

// maxExtension is the longest extension in bytes: it is a digest, or a few.
const maxExtension = 1 << 16

// newTranscript is CanonicalEncode of Appendix A.
func newTranscript(setup *Setup, all []contribution, extension []byte) (*Transcript, error) {
	if len(extension) > maxExtension {
		return nil, fmt.Errorf("extension has %d bytes, want %d at most", len(extension), maxExtension)
	}
	b := appendHead(make([]byte, 0, transcriptSize(setup, len(extension))), setup)
	for j := range all {
		b = appendElements(b, all[j].commitment)
	}
	for j := range all {
		b = append(b, all[j].pop.Bytes()...)
	}
	for j := range all {
		b = append(b, all[j].ephemeral.Encoding()...)
	}
	return &Transcript{setup, all, slices.Clone(extension), appendField(b, extension)}, nil
}

// appendHead appends what comes before the contributions. That of an attempt is its own.
func appendHead(b []byte, setup *Setup) []byte {
	if setup.attempt != nil {
		return append(b, setup.head...)
	}
	b = appendField(b, []byte(setup.suite.id()))
	b = appendField(b, setup.context)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(setup.ids)))
	b = binary.LittleEndian.AppendUint32(b, uint32(setup.threshold))
	return appendElements(b, setup.keys)
}

func transcriptSize(setup *Setup, extension int) int {
	row := setup.suite.Group().ElementSize() + contributionSize(setup.suite, setup.threshold)
	return 3*8 + len(setup.suite.id()) + len(setup.context) + 2*4 + len(setup.head) + len(setup.ids)*row + extension
}

// appendField appends uint64_le(len(field)) || field.
func appendField(b, field []byte) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(field))), field...)
}

// DecodeTranscript decodes a transcript: nothing may be missing, follow, or have another encoding,
// and every element is of prime order. It does not verify the proofs of possession in it.
func DecodeTranscript(cs frost.Ciphersuite, b []byte) (*Transcript, error) {
	const doing = "decoding a transcript: %w"
	s, err := suiteOf(cs)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	t, rest, err := decodeTranscript(s, b)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes follow the extension", len(rest))
	}
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	return t, nil
}

var errShort = errors.New("it ends too early")

// reader takes bytes from the front of a transcript. After it runs short it gives none.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n uint64) []byte {
	if r.short || n > uint64(len(r.b)) {
		r.short = true
		return nil
	}
	taken := r.b[:n:n]
	r.b = r.b[n:]
	return taken
}

// field takes what [appendField] appended.
func (r *reader) field() []byte {
	length := r.take(8)
	if r.short {
		return nil
	}
	return r.take(binary.LittleEndian.Uint64(length))
}

// number takes a uint32_le, 0 if it is not there.
func (r *reader) number() uint64 {
	b := r.take(4)
	if r.short {
		return 0
	}
	return uint64(binary.LittleEndian.Uint32(b))
}

// decodeTranscript decodes the transcript that b begins with, and returns what follows.
func decodeTranscript(s suite, b []byte) (*Transcript, []byte, error) {
	r := &reader{b: b}
	take := takeSetup
	if isAttempt(b) {
		take = takeAttempt
	}
	setup, err := take(s, r)
	if err != nil {
		return nil, nil, err
	}
	columns := takeColumns(r, s, uint64(len(setup.ids)), uint64(setup.threshold))
	extension := r.field()
	switch {
	case r.short:
		return nil, nil, errShort
	case len(extension) > maxExtension:
		return nil, nil, fmt.Errorf("extension has %d bytes, want %d at most", len(extension), maxExtension)
	}
	t, err := columns.transcript(setup, extension)
	return t, r.b, err
}

// takeSetup takes what a transcript in the specification's form begins with.
func takeSetup(s suite, r *reader) (*Setup, error) {
	if id := r.field(); !r.short && string(id) != s.id() {
		return nil, fmt.Errorf("ciphersuite is %q, want %q", id, s.id())
	}
	context := r.field()
	n, threshold := r.number(), r.number()
	if !r.short && (n > math.MaxUint16 || threshold < 2 || threshold > n) {
		return nil, fmt.Errorf("threshold is %d of %d, want 2 to 65535 members, 2 at least and at most as many", threshold, n)
	}
	encoded := r.take(n * uint64(s.Group().ElementSize()))
	switch {
	case r.short:
		return nil, errShort
	case len(context) != len(s.hash()):
		return nil, fmt.Errorf("context has %d bytes, want %d", len(context), len(s.hash()))
	}
	keys, err := decodeKeys(s, encoded)
	if err != nil {
		return nil, err
	}
	return newSetup(s, bytes.Clone(context), keys, int(threshold))
}

// columns are the encodings that a transcript has for each member.
type columns struct {
	commitments, pops, ephemerals []byte
}

func takeColumns(r *reader, s suite, n, threshold uint64) columns {
	element, signature := uint64(s.Group().ElementSize()), uint64(s.signatureSize())
	return columns{
		commitments: r.take(n * threshold * element),
		pops:        r.take(n * signature),
		ephemerals:  r.take(n * element),
	}
}

// transcript decodes the columns.
func (c columns) transcript(setup *Setup, extension []byte) (*Transcript, error) {
	s := setup.suite
	size := s.Group().ElementSize()
	encoded := make([]encodedContribution, len(setup.ids))
	for j := range encoded {
		encoded[j] = encodedContribution{
			commitment: row(c.commitments, j, setup.threshold*size), pop: row(c.pops, j, s.signatureSize()), ephemeral: row(c.ephemerals, j, size),
		}
	}
	all, errs := decodeContributions(s, encoded)
	for j, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("member %d: %w", j+1, err)
		}
	}
	return newTranscript(setup, all, extension)
}

func row(column []byte, j, size int) []byte { return column[j*size : (j+1)*size] }

func decodeKeys(s suite, column []byte) ([]group.Element, error) {
	keys, err := s.Group().DecodeElements(slices.Collect(slices.Chunk(column, s.Group().ElementSize())))
	if err != nil {
		return nil, fmt.Errorf("static key of member %s: %w", position(err), reason(err))
	}
	return keys, nil
}

// Encode returns the bytes that [DecodeTranscript] reads, which are those that members sign.
func (t *Transcript) Encode() []byte { return bytes.Clone(t.encoded) }

// Hash returns the suite's hash of the transcript, for ed25519 SHA-512: a fingerprint of the
// key generation.
func (t *Transcript) Hash() []byte { return t.setup.suite.hash(t.encoded) }

// Setup returns what the members agreed on.
func (t *Transcript) Setup() *Setup { return t.setup }

// Extension returns the application's extension.
func (t *Transcript) Extension() []byte { return slices.Clone(t.extension) }

// Contribution returns the member's part of the transcript, C_j || PoP_j || E_j, with which its round 1
// message begins; false for who is no member.
func (t *Transcript) Contribution(member frost.Identifier) ([]byte, bool) {
	j, ok := t.setup.index[member]
	if !ok {
		return nil, false
	}
	return t.all[j].encode(), true
}

// HasSessionID reports whether the transcript is of the session with this ID, by the
// context of [NewSetup], or of the attempt with it.
func (t *Transcript) HasSessionID(sessionID []byte) bool {
	if t.setup.attempt != nil {
		return bytes.Equal(t.setup.attempt.ID, sessionID)
	}
	return bytes.Equal(t.setup.context, newContext(t.setup.suite, sessionID, t.setup.keys))
}

// PublicKeyPackage computes the group's public keys: Step 8 of "Recovery Algorithm".
func (t *Transcript) PublicKeyPackage() (*frost.PublicKeyPackage, error) {
	public, err := frost.AssemblePublicKeys(t.setup.suite.Ciphersuite, sumCommitments(t.setup.suite.Group(), t.all), t.setup.ids)
	if err != nil {
		return nil, fmt.Errorf("computing the public keys of a transcript: %w", err)
	}
	return public, nil
}

// Verify verifies a member's signature over the transcript. The error is [ErrInvalidSignature].
func (t *Transcript) Verify(signer frost.Identifier, sig Signature) error {
	j, ok := t.setup.index[signer]
	if !ok || sig.r == nil || sig.suite != t.setup.suite {
		return ErrInvalidSignature
	}
	if !newSigned(sig, t.setup.keys[j], t.encoded).verifies() {
		return ErrInvalidSignature
	}
	return nil
}
