package dkg

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"frostkit/frost"
	"frostkit/frost/internal/group"
	"frostkit/frost/internal/wire"
)

var suite = frost.Ed25519()

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// readJSON reads one of the test vectors of package frost.
func readJSON(t testing.TB, name string, v any) {
	t.Helper()
	b := must(os.ReadFile(filepath.Join("..", "testdata", name)))(t)
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func compact(t testing.TB, raw json.RawMessage) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func equal(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s\n got %x\nwant %x", what, got, want)
	}
}

func equalText(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s\n got %s\nwant %s", what, got, want)
	}
}

func number(t testing.TB, n uint16) frost.Identifier {
	t.Helper()
	return must(frost.NewIdentifier(suite, n))(t)
}

func numbers(t testing.TB, n int) []frost.Identifier {
	t.Helper()
	var ids []frost.Identifier
	for i := range n {
		ids = append(ids, number(t, uint16(i+1)))
	}
	return ids
}

func newStream(seed uint64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return rand.NewChaCha8(key)
}

// secretPackage is the secret package of the ZF implementation, which has wire forms
// there. A polynomial and a share that are kept never leave the memory here, but in tests.
type secretPackage struct {
	id                     []byte
	coefficients           []group.Scalar // of round 1
	commitment             []group.Element
	share                  group.Scalar // of round 2
	minSigners, maxSigners uint16
}

func (s *secretPackage) fields(round int) []wire.Field {
	id := wire.Field{
		Name: "identifier",
		Read: func(d *wire.Decoder) error {
			b, err := d.Fixed(suite.Group().ScalarSize())
			s.id = bytes.Clone(b)
			return err
		},
		Write: func(e *wire.Encoder) { e.Fixed(s.id) },
	}
	coefficients := wire.Field{
		Name: "coefficients",
		Read: func(d *wire.Decoder) error {
			return d.List(func() error {
				b, err := d.Fixed(suite.Group().ScalarSize())
				if err != nil {
					return err
				}
				a, err := suite.Group().DecodeScalar(b)
				s.coefficients = append(s.coefficients, a)
				return err
			})
		},
		Write: func(e *wire.Encoder) {
			e.List(len(s.coefficients), func(i int) { e.Fixed(s.coefficients[i].Bytes()) })
		},
	}
	commitment := wire.Elements("commitment", &s.commitment)
	minSigners, maxSigners := wire.Uint16("min_signers", &s.minSigners), wire.Uint16("max_signers", &s.maxSigners)
	if round == 1 {
		return []wire.Field{id, coefficients, commitment, minSigners, maxSigners}
	}
	return []wire.Field{id, commitment, wire.Scalar("secret_share", &s.share), minSigners, maxSigners}
}

// secret returns the secret package of a round that is not spent.
func (r *Round1) secret() *secretPackage {
	return &secretPackage{
		id: r.id.Bytes(), coefficients: *r.cell.Load(), commitment: r.own.commitment,
		minSigners: uint16(r.threshold), maxSigners: uint16(len(r.ids)),
	}
}

func (r *Round2) secret() *secretPackage {
	state := r.cell.Load()
	return &secretPackage{
		id: r.id.Bytes(), commitment: state.own, share: state.share,
		minSigners: uint16(r.threshold), maxSigners: uint16(len(r.ids)),
	}
}

// checkSecret compares both forms with the recorded ones, and reads those.
func (s *secretPackage) check(t testing.TB, round int, json, postcard []byte) {
	t.Helper()
	equalText(t, "secret package", wire.EncodeJSON(suite, s.fields(round)), json)
	equal(t, "secret package", wire.EncodePostcard(suite, s.fields(round)), postcard)
	fromJSON, fromPostcard := new(secretPackage), new(secretPackage)
	if err := wire.DecodeJSON(suite, json, fromJSON.fields(round)...); err != nil {
		t.Error(err)
	}
	if err := wire.DecodePostcard(suite, postcard, fromPostcard.fields(round)...); err != nil {
		t.Error(err)
	}
	equal(t, "secret package from JSON", wire.EncodePostcard(suite, fromJSON.fields(round)), postcard)
	equal(t, "secret package from postcard", wire.EncodePostcard(suite, fromPostcard.fields(round)), postcard)
}

// scripted is a source of randomness from which a participant draws the coefficients and
// then the nonce of the proof that a recorded run has.
func scripted(t testing.TB, id frost.Identifier, coefficients [][]byte, recorded *Round1Package) io.Reader {
	t.Helper()
	g := suite.Group()
	// k = mu - a_0 * c
	k := g.NewScalar().Multiply(must(g.DecodeScalar(coefficients[0]))(t), recorded.challenge(id))
	k.Subtract(recorded.proofZ, k)
	var b []byte
	for _, s := range append(coefficients[:len(coefficients):len(coefficients)], k.Bytes()) {
		b = append(append(b, s...), make([]byte, 32)...)
	}
	return bytes.NewReader(b)
}

// run is a key generation of all participants in one place.
type run struct {
	ids    []frost.Identifier
	round1 map[frost.Identifier]*Round1
	round2 map[frost.Identifier]*Round2
	// tamper1 and tamper2 change what one sends to another.
	tamper1 func(from, to frost.Identifier, p *Round1Package) *Round1Package
	tamper2 func(from, to frost.Identifier, p *Round2Package) *Round2Package
}

// begin begins a key generation; random gives each participant's randomness.
func begin(t testing.TB, ids []frost.Identifier, threshold int, random func(frost.Identifier) io.Reader) *run {
	t.Helper()
	r := &run{ids: ids, round1: make(map[frost.Identifier]*Round1), round2: make(map[frost.Identifier]*Round2)}
	for _, id := range ids {
		r.round1[id] = must(New(Config{suite, id, ids, threshold, random(id)}))(t)
	}
	return r
}

// seeded gives participants randomness that is reproducible and distinct.
func seeded() func(frost.Identifier) io.Reader {
	seed := uint64(0)
	return func(frost.Identifier) io.Reader {
		seed++
		return newStream(seed)
	}
}

// received1 is what a participant receives in round 1, through the wire.
func (r *run) received1(t testing.TB, to frost.Identifier) map[frost.Identifier]*Round1Package {
	t.Helper()
	packages := make(map[frost.Identifier]*Round1Package)
	for _, from := range r.ids {
		if from == to {
			continue
		}
		p := must(DecodeRound1PackageJSON(suite, r.round1[from].Package().EncodeJSON()))(t)
		if r.tamper1 != nil {
			p = r.tamper1(from, to, p)
		}
		packages[from] = p
	}
	return packages
}

// received2 is what a participant receives in round 2, through the wire.
func (r *run) received2(t testing.TB, to frost.Identifier) map[frost.Identifier]*Round2Package {
	t.Helper()
	packages := make(map[frost.Identifier]*Round2Package)
	for _, from := range r.ids {
		if from == to {
			continue
		}
		p := must(DecodeRound2PackageJSON(suite, r.round2[from].Packages()[to].EncodeSecretJSON()))(t)
		if r.tamper2 != nil {
			p = r.tamper2(from, to, p)
		}
		packages[from] = p
	}
	return packages
}

// toRound2 takes all participants to round 2.
func (r *run) toRound2(t testing.TB) {
	t.Helper()
	for _, id := range r.ids {
		r.round2[id] = must(r.round1[id].Next(r.received1(t, id)))(t)
	}
}

// finish takes all participants from round 2 to their keys.
func (r *run) finish(t testing.TB) (map[frost.Identifier]*frost.KeyPackage, *frost.PublicKeyPackage) {
	t.Helper()
	keys := make(map[frost.Identifier]*frost.KeyPackage)
	var public *frost.PublicKeyPackage
	for _, id := range r.ids {
		key, p, err := r.round2[id].Next(r.received2(t, id))
		if err != nil {
			t.Fatal(err)
		}
		if public != nil && !p.Equal(public) {
			t.Errorf("%s has another public key package", id)
		}
		keys[id], public = key, p
	}
	return keys, public
}

// decodeSecret reads a secret package and writes it again.
func decodeSecret(t testing.TB, round int, b []byte) {
	t.Helper()
	s := new(secretPackage)
	if err := wire.DecodePostcard(suite, b, s.fields(round)...); err != nil {
		t.Fatal(err)
	}
	equal(t, "secret package", wire.EncodePostcard(suite, s.fields(round)), b)
}
