package dkg

import (
	"bytes"
	"encoding/hex"
	"testing"

	"filippo.io/edwards25519"

	"frostkit/frost"
)

// sentRound1 returns everybody's round 1 package in JSON.
func sentRound1(r *run) map[frost.Identifier][]byte {
	messages := make(map[frost.Identifier][]byte)
	for _, id := range r.ids {
		messages[id] = r.round1[id].Package().EncodeJSON()
	}
	return messages
}

// shift adds a point to the commitment k of a message in JSON.
func shift(t testing.TB, message []byte, commitment []byte, by *edwards25519.Point) []byte {
	t.Helper()
	p := must(new(edwards25519.Point).SetBytes(commitment))(t)
	p.Add(p, by)
	old, changed := hex.EncodeToString(commitment), hex.EncodeToString(p.Bytes())
	if !bytes.Contains(message, []byte(old)) {
		t.Fatal("the commitment is not in the message")
	}
	return bytes.Replace(message, []byte(old), []byte(changed), 1)
}

// Together the messages decode to what they decode to one by one.
func TestDecodeRound1Packages(t *testing.T) {
	r := begin(t, numbers(t, 5), 3, seeded())
	packages := must(DecodeRound1PackagesJSON(suite, sentRound1(r)))(t)
	if len(packages) != 5 {
		t.Errorf("%d packages", len(packages))
	}
	for id, p := range packages {
		if !p.Equal(r.round1[id].Package()) {
			t.Errorf("package of %s differs", id)
		}
	}
	if packages, err := DecodeRound1PackagesJSON(suite, nil); err != nil || len(packages) != 0 {
		t.Error(err)
	}
}

// Every sender whose message does not decode is named, and only they: also two whose
// components of small order cancel in the sum of all commitments, where no key would
// ever show them.
func TestDecodeRound1PackagesBlames(t *testing.T) {
	// A point of order 8.
	encoded := must(hex.DecodeString("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"))(t)
	small := must(new(edwards25519.Point).SetBytes(encoded))(t)
	ids := numbers(t, 20)
	for _, threshold := range []int{3, 20} { // below and above the size from which the order is tested in bulk
		r := begin(t, ids, threshold, seeded())
		messages := sentRound1(r)
		commitment := func(id frost.Identifier) []byte { return r.round1[id].Package().commitment[1].Encoding() }
		messages[ids[3]] = shift(t, messages[ids[3]], commitment(ids[3]), small)
		messages[ids[16]] = shift(t, messages[ids[16]], commitment(ids[16]), new(edwards25519.Point).Negate(small))
		packages, err := DecodeRound1PackagesJSON(suite, messages)
		checkBlame(t, err, "does not decode", ids[3], ids[16])
		messages[ids[7]] = messages[ids[7]][1:]
		_, err = DecodeRound1PackagesJSON(suite, messages)
		checkBlame(t, err, "does not decode", ids[3], ids[7], ids[16])
		if packages != nil {
			t.Error("packages are returned")
		}
		for _, id := range ids {
			_, err := DecodeRound1PackageJSON(suite, messages[id])
			if wrong := id == ids[3] || id == ids[7] || id == ids[16]; (err != nil) != wrong {
				t.Errorf("%s by itself: %v", id, err)
			}
		}
	}
}
