package oracle_test

import (
	"bytes"
	"encoding/hex"
	"slices"
	"testing"

	"frostkit/bench/oracle"
	"frostkit/commkey"
	"frostkit/relay/sealed"
)

func (t *trial) commKey() *commkey.PrivateKey {
	t.Helper()
	return must(commkey.NewPrivateKey(t.bytes(32)))(t)
}

// direction is a sender and a receiver.
type direction struct{ from, to *commkey.PrivateKey }

// sealByCrate seals messages by snow. A refused one is nil.
func (d direction) sealByCrate(t *trial, messages [][]byte) [][]byte {
	t.Helper()
	return noise(t, "seal", args{
		"private": oracle.Bytes(d.from.SecretBytes()), "peer": oracle.Bytes(d.to.Public().Bytes()),
		"ephemeral": oracle.Bytes(t.bytes(32)), "messages": encodable(messages),
	})
}

// openByCrate opens messages by snow. A refused one is nil.
func (d direction) openByCrate(t *trial, messages [][]byte) [][]byte {
	t.Helper()
	return noise(t, "open", args{
		"private": oracle.Bytes(d.to.SecretBytes()), "peer": oracle.Bytes(d.from.Public().Bytes()), "messages": encodable(messages),
	})
}

func noise(t *trial, op string, request args) [][]byte {
	t.Helper()
	var results []*oracle.Bytes
	t.check(zf.Ask(oracle.Noise, op, request, &results))
	plain := make([][]byte, len(results))
	for i, r := range results {
		if r != nil {
			plain[i] = append([]byte{}, *r...)
		}
	}
	return plain
}

func encodable(messages [][]byte) []oracle.Bytes {
	encoded := make([]oracle.Bytes, len(messages))
	for i, m := range messages {
		encoded[i] = m
	}
	return encoded
}

func (d direction) sealByOurs(t *trial, messages [][]byte) [][]byte {
	t.Helper()
	sender := must(sealed.NewSender(d.from, d.to.Public()))(t)
	return handleEach(messages, sender.Seal)
}

func (d direction) openByOurs(t *trial, messages [][]byte) [][]byte {
	t.Helper()
	receiver := must(sealed.NewReceiver(d.to, d.from.Public()))(t)
	return handleEach(messages, receiver.Open)
}

func handleEach(messages [][]byte, handle func([]byte) ([]byte, error)) [][]byte {
	results := make([][]byte, len(messages))
	for i, m := range messages {
		if result, err := handle(m); err == nil {
			results[i] = append([]byte{}, result...)
		}
	}
	return results
}

// sameMessages fails the test unless both have the same messages, and the same ones refused.
func sameMessages(t *trial, what string, got, want [][]byte) {
	t.Helper()
	if !slices.EqualFunc(got, want, func(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }) {
		t.Fatalf("%s\n got %x\nwant %x", what, got, want)
	}
}

// TestSealed seals the messages of a direction on one side and opens them on the other.
func TestSealed(t *testing.T) {
	trials(t, 60, func(t *trial) {
		d := direction{t.commKey(), t.commKey()}
		if t.chance(5) {
			d.to = d.from // a coordinator that signs too
		}
		var messages [][]byte
		for range 1 + t.IntN(5) {
			messages = append(messages, t.bytes(t.IntN(300)))
		}
		sameMessages(t, "ours opens what snow sealed", d.openByOurs(t, d.sealByCrate(t, messages)), messages)
		sameMessages(t, "snow opens what ours sealed", d.openByCrate(t, d.sealByOurs(t, messages)), messages)
	})
}

// TestSealedBadly opens a direction in which messages were altered, cut, lost, repeated or
// put in another order: both sides open the same ones.
func TestSealedBadly(t *testing.T) {
	trials(t, 150, func(t *trial) {
		d := direction{t.commKey(), t.commKey()}
		messages := make([][]byte, 2+t.IntN(4))
		for i := range messages {
			messages[i] = t.bytes(1 + t.IntN(40))
		}
		sent := d.sealByCrate(t, messages)
		for range 1 + t.IntN(2) {
			sent = t.disturb(sent)
		}
		if t.chance(10) {
			d.from = t.commKey()
		}
		sameMessages(t, "opened by ours, and by snow", d.openByOurs(t, sent), d.openByCrate(t, sent))
	})
}

func (t *trial) disturb(sent [][]byte) [][]byte {
	t.Helper()
	i, j := t.IntN(len(sent)), t.IntN(len(sent))
	switch t.IntN(6) {
	case 0: // altered, and then as it was
		altered := slices.Clone(sent[i])
		altered[t.IntN(len(altered))] ^= 1 << t.IntN(8)
		return slices.Insert(sent, i, altered)
	case 1:
		return slices.Insert(sent, i, sent[i][:t.IntN(len(sent[i]))])
	case 2:
		return slices.Insert(sent, i, append(slices.Clone(sent[i]), 0))
	case 3:
		return slices.Insert(sent, i, t.bytes(t.IntN(100)))
	case 4:
		return slices.Insert(sent, i, sent[j])
	}
	sent[i], sent[j] = sent[j], sent[i]
	return sent
}

// TestSealedLengths seals and opens at the limits: 65535 bytes sealed.
func TestSealedLengths(t *testing.T) {
	trials(t, 1, func(t *trial) {
		first, next := sealed.MaxMessage-sealed.FirstOverhead, sealed.MaxMessage-sealed.NextOverhead
		messages := [][]byte{t.bytes(first + 1), t.bytes(first), t.bytes(next + 1), t.bytes(next), {}}
		want := [][]byte{nil, messages[1], nil, messages[3], {}}
		d := direction{t.commKey(), t.commKey()}
		byCrate, byOurs := d.sealByCrate(t, messages), d.sealByOurs(t, messages)
		for i := range messages {
			if (byCrate[i] == nil) != (want[i] == nil) || (byOurs[i] == nil) != (want[i] == nil) {
				t.Errorf("message of %d bytes: sealed by snow %v, by ours %v", len(messages[i]), byCrate[i] != nil, byOurs[i] != nil)
			}
		}
		sent := slices.Concat(byCrate[1:2], byCrate[3:])
		plain := slices.Concat(want[1:2], want[3:])
		sameMessages(t, "ours opens what snow sealed", d.openByOurs(t, sent), plain)
		sent = slices.Concat(byOurs[1:2], byOurs[3:])
		sameMessages(t, "snow opens what ours sealed", d.openByCrate(t, sent), plain)
	})
}

// lowOrder are keys of low order (curve25519's 0, 1, and one of order 8), and one that is not
// canonical.
var lowOrder = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

// TestSealedForLowOrder is where ours is stricter: there is no public key of low order,
// and snow seals for one.
func TestSealedForLowOrder(t *testing.T) {
	trials(t, 1, func(t *trial) {
		for _, text := range lowOrder {
			peer := must(hex.DecodeString(text))(t)
			if key, err := commkey.NewPublicKey(peer); err == nil {
				t.Errorf("ours takes the key %s", key)
			}
			results := noise(t, "seal", args{
				"private": oracle.Bytes(t.bytes(32)), "peer": oracle.Bytes(peer),
				"ephemeral": oracle.Bytes(t.bytes(32)), "messages": []oracle.Bytes{{1}},
			})
			if results[0] == nil {
				t.Errorf("snow does not seal for %s", text)
			}
		}
	})
}
