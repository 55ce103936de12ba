package rehearsal_test

import (
	"bytes"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"filippo.io/edwards25519"
	"golang.org/x/crypto/chacha20poly1305"

	"frostkit/ceremony"
	"frostkit/runner/protocol"
	"frostkit/runner/rehearsal"
)

// Case 28. Values are of the vectors of package frost: see its testdata.

// invalidValues is case 28: every place in which a value can stand that is none, by
// each way in which it can be none.
func invalidValues() []misdeed {
	var all []misdeed
	add := func(step string, speak ceremony.Protocol, place string, values map[string][]byte, put lie, bob string) {
		all = append(all, misdeed{28, step, speak, place, each(values, put), "Eve", bob, 7})
	}
	elements, scalars, identifiers := badElements(), badScalars(), badIdentifiers()
	few := maps.Clone(elements) // where each takes a whole signing
	maps.DeleteFunc(few, func(name string, _ []byte) bool {
		return !slices.Contains([]string{"identity", "low_order_component", "low_order non_canonical negative"}, name)
	})
	add(generating, frostkit, "as her first commitment", elements, at(round1, 0, 32), "Eve")
	add(generating, frostkit, "as her last commitment", elements, at(round1, 32, 64), "Eve")
	add(generating, frostkit, "as the commitment of her proof", elements, at(round1, 64, 96), "Eve")
	add(generating, frostkit, "as the response of her proof", scalars, at(round1, 96, 128), "Eve")
	add(generating, frostkit, "as her ephemeral key", elements, at(round1, 128, 160), "Eve")
	add(generating, frostkit, "as the shares in her ciphertexts", scalars, sealedFor("Alice", "Bob", "Eve"), "Eve")
	add(generating, frostkit, "as the share in her ciphertext to Bob", map[string][]byte{"l": scalars["l"]}, sealedFor("Bob"), "Eve")
	add(generating, frostkit, "as the commitment of her signature", elements, at(signature, 64, 96), "Eve")
	add(generating, frostkit, "as the response of her signature", scalars, at(signature, 96, 128), "Eve")
	add(signing, frostkit, "as her hiding commitment", few, at(commitments, -64, -32), told)
	add(signing, frostkit, "as her binding commitment", few, at(commitments, -32, 0), told)
	add(signing, frostkit, "as her signature share", scalars, at(shares, -32, 0), told)
	add(coordinating, frostkit, "as another's hiding commitment", few, inFrostkit(pkg, valueAt(-64, -32)), "Eve")
	add(coordinating, frostkit, "as another's binding commitment", few, inFrostkit(pkg, valueAt(-32, 0)), "Eve")
	add(coordinating, both, "as another's identifier", identifiers, repackaged(withIdentifier), "Eve")

	add(generating, frostClient, "as her first commitment", elements, of(protocol.PhaseRound1, commitmentAt(0)), "Eve")
	add(generating, frostClient, "as her last commitment", elements, of(protocol.PhaseRound1, commitmentAt(1)), "Eve")
	add(generating, frostClient, "as the commitment of her proof", elements, of(protocol.PhaseRound1, hexAt("proof_of_knowledge", 0, 0, 64)), "Eve")
	add(generating, frostClient, "as the response of her proof", scalars, of(protocol.PhaseRound1, hexAt("proof_of_knowledge", 0, 64, 128)), "Eve")
	add(generating, frostClient, "as a commitment of a package that she passes on", elements, of(protocol.PhaseEcho, commitmentAt(0)), "Eve")
	add(generating, frostClient, "as the identifier of a package that she passes on", identifiers, inFrostClient(protocol.PhaseEcho, echoOfValue), "Eve")
	add(generating, frostClient, "as her shares", scalars, of(protocol.PhaseRound2, hexAt("signing_share", 0, 0, 64)), "Eve")
	add(signing, frostClient, "as her hiding commitment", few, of(protocol.PhaseCommitments, hexAt("hiding", 0, 0, 64)), stopped)
	add(signing, frostClient, "as her binding commitment", few, of(protocol.PhaseCommitments, hexAt("binding", 0, 0, 64)), stopped)
	add(signing, frostClient, "as her signature share", scalars, of(protocol.PhaseShares, hexAt("share", 0, 0, 64)), well)
	add(coordinating, frostClient, "as another's hiding commitment", few, of(protocol.PhasePackage, hexAt("hiding", 0, 0, 64)), "Eve")
	add(coordinating, frostClient, "as another's binding commitment", few, of(protocol.PhasePackage, hexAt("binding", 0, 0, 64)), "Eve")
	return all
}

func readVectors(name string, v any) {
	data, err := os.ReadFile(filepath.Join("..", "..", "frost", "testdata", name))
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		panic(err)
	}
}

// badElements are one key of the CCTV vectors for each set of flags, which are
// about order and encoding, and what Wycheproof has beside these.
func badElements() map[string][]byte {
	var cctv []struct {
		Key   string   `json:"key"`
		Flags []string `json:"flags"`
	}
	readVectors("cctv-ed25519vectors.json", &cctv)
	values := map[string][]byte{}
	for _, v := range cctv {
		key, _ := hex.DecodeString(v.Key)
		var flags []string
		for _, flag := range v.Flags {
			if strings.HasSuffix(flag, "_A") {
				flags = append(flags, strings.TrimSuffix(flag, "_A"))
			}
		}
		name := strings.Join(flags, " ")
		if name == "low_order" {
			name = "identity"
		}
		if key[31]&0x80 != 0 {
			name += " negative" // among them x = -0
		}
		if len(flags) > 0 && values[name] == nil {
			values[name] = key
		}
	}
	values["no point"] = wycheproof(61)[:32]
	return values
}

// wycheproof returns a signature of the vectors by its number.
func wycheproof(number int) []byte {
	var v struct {
		Groups []struct {
			Tests []struct {
				ID  int    `json:"tcId"`
				Sig string `json:"sig"`
			} `json:"tests"`
		} `json:"testGroups"`
	}
	readVectors("wycheproof-ed25519_test.json", &v)
	for _, g := range v.Groups {
		for _, test := range g.Tests {
			if test.ID == number {
				signature, _ := hex.DecodeString(test.Sig)
				return signature
			}
		}
	}
	panic(number)
}

// badScalars are responses of Wycheproof's signatures.
func badScalars() map[string][]byte {
	return map[string][]byte{
		"l": wycheproof(13)[32:], "p": wycheproof(14)[32:], "s + l": wycheproof(63)[32:], "s + 8l": wycheproof(66)[32:],
		"just above l": wycheproof(85)[32:], "0": wycheproof(10)[32:],
	}
}

// badIdentifiers are 0, and what is no scalar.
func badIdentifiers() map[string][]byte {
	return map[string][]byte{"0": make([]byte, 32), "l": wycheproof(13)[32:]}
}

// valueAt puts the value into a body; places that are not positive count from its end.
func valueAt(from, to int) lie {
	return func(w *world, s *rehearsal.Said) {
		place := func(i int) int {
			if from < 0 {
				return len(s.Body) + i
			}
			return i
		}
		copy(s.Body[place(from):place(to)], w.value)
	}
}

func at(kind uint8, from, to int) lie { return inFrostkit(kind, valueAt(from, to)) }

func withIdentifier(w *world, _ *rehearsal.Said, list []signer, own int) []signer {
	other := (own + 1) % len(list)
	list[other].id = idOf(w, [32]byte(w.value))
	return list
}

// of puts the value into the JSON of a phase.
func of(phase string, put func(body, value []byte) []byte) lie {
	return inFrostClient(phase, func(w *world, s *rehearsal.Said) { s.Body = put(s.Body, w.value) })
}

// hexAt puts a value in place of digits of a field, where that stands for the
// n-th time.
func hexAt(field string, n, from, to int) func(body, value []byte) []byte {
	pattern := regexp.MustCompile(`"` + field + `":"([0-9a-f]+)"`)
	return func(body, value []byte) []byte {
		found := pattern.FindAllSubmatchIndex(body, -1)[n]
		return slices.Concat(body[:found[2]+from], []byte(hex.EncodeToString(value)), body[found[2]+to:])
	}
}

// commitmentAt puts a value in place of the n-th commitment of a package.
func commitmentAt(n int) func(body, value []byte) []byte {
	return func(body, value []byte) []byte {
		const start = `"commitment":["`
		from := bytes.Index(body, []byte(start)) + len(start) + n*(64+3)
		return slices.Concat(body[:from], []byte(hex.EncodeToString(value)), body[from+64:])
	}
}

func echoOfValue(w *world, s *rehearsal.Said) { echoOf([32]byte(w.value))(w, s) }

// sealedFor encrypts the value to members in the place of a share.
func sealedFor(names ...string) lie {
	return inFrostkit(round1, func(w *world, s *rehearsal.Said) {
		for i, name := range []string{"Alice", "Bob", "Eve"} {
			if slices.Contains(names, name) {
				copy(s.Body[contribution+i*frame+8:], sealedTo(s, name, w.value))
			}
		}
	})
}

// sealedTo encrypts a value to a member in the place of a share (COCKTAIL-DKG, Round
// 1, Step 5).
func sealedTo(s *rehearsal.Said, name string, value []byte) []byte {
	context, err := s.Context()
	if err != nil {
		panic(err)
	}
	ephemeral, _ := new(edwards25519.Scalar).SetUniformBytes(s.Ephemeral())
	static, err := new(edwards25519.Scalar).SetCanonicalBytes(s.Static())
	if err != nil {
		panic(err)
	}
	recipient, err := s.RecipientOf(name)
	if err != nil {
		panic(err)
	}
	point, err := new(edwards25519.Point).SetBytes(recipient)
	if err != nil {
		panic(err)
	}
	key := sha512.Sum512(slices.Concat(
		[]byte("COCKTAIL-DKG-Ed25519-SHA512-H6"),
		new(edwards25519.Point).ScalarMult(ephemeral, point).Bytes(), new(edwards25519.Point).ScalarMult(static, point).Bytes(),
		new(edwards25519.Point).ScalarBaseMult(ephemeral).Bytes(), new(edwards25519.Point).ScalarBaseMult(static).Bytes(), recipient,
		binary.LittleEndian.AppendUint64(nil, uint64(len(context))), context,
	))
	aead, err := chacha20poly1305.NewX(key[:32])
	if err != nil {
		panic(err)
	}
	return aead.Seal(nil, key[32:56], value, nil)
}
