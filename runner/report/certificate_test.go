package report

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/frost/cocktail"
	"frostkit/relay/xeddsa"
)

// keygen generates a group's key among the named members, each of whom signs
// this extension, and returns the certificate and the members.
func keygen(t *testing.T, extension []byte, names ...string) (*cocktail.Certificate, []CertificateMember) {
	t.Helper()
	return keygenOf(t, nil, extension, names...)
}

// keygenOf is keygen of an attempt, where that is given, with keys of the attempt, in all else as attempt changes it.
func keygenOf(t *testing.T, attempt func(*cocktail.Attempt), extension []byte, names ...string) (*cocktail.Certificate, []CertificateMember) {
	t.Helper()
	cs := frost.Ed25519()
	var members []CertificateMember
	var keys []*cocktail.StaticKey
	var publics []cocktail.StaticPublicKey
	for _, name := range names {
		private := must(commkey.Generate(rand.Reader))(t)
		key := must(cocktail.DecodeStaticKey(cs, xeddsa.EdwardsPrivateKey(private)))(t)
		members = append(members, CertificateMember{Name: name, PublicKey: private.Public()})
		keys, publics = append(keys, key), append(publics, key.PublicKey())
	}
	setup := must(cocktail.NewSetup(cs, []byte("session"), publics, 2))(t)
	opening := make([]*cocktail.StaticKey, len(keys))
	if attempt != nil {
		a := cocktail.Attempt{ID: []byte("session"), Threshold: 2, Digest: fileDigest[:], Step: "board"}
		for i := range keys {
			opening[i] = must(cocktail.GenerateAttemptKey(cs, nil))(t)
			a.Members = append(a.Members, cocktail.AttemptMember{Communication: members[i].PublicKey.Bytes(), Static: publics[i], Encryption: opening[i].PublicKey()})
		}
		attempt(&a)
		if setup = must(cocktail.NewAttemptSetup(cs, a))(t); setup.Recoverable() {
			clear(opening)
		}
	}
	messages := map[frost.Identifier]*cocktail.Round1Message{}
	var first []*cocktail.Round1
	for i, key := range keys {
		first = append(first, must(cocktail.New(cocktail.Config{Setup: setup, Key: key, AttemptKey: opening[i]}))(t))
		messages[setup.Identifiers()[i]] = first[i].Message()
	}
	signatures := map[frost.Identifier]cocktail.Signature{}
	var third []*cocktail.Round3
	for i, round := range first {
		second := must(round.Next(messages))(t)
		third = append(third, must(second.Next(extension))(t))
		signatures[setup.Identifiers()[i]] = third[i].Signature()
	}
	return must(third[0].Next(signatures))(t), members
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

var fileDigest = sha256.Sum256([]byte("a ceremony file"))

func newCertificate(t *testing.T) *Certificate {
	t.Helper()
	made, members := keygen(t, append(fileDigest[:], "board"...), "Alice", "Bob", "Eve")
	return must(NewCertificate(made, "board-meeting", fileDigest, "board", false, members))(t)
}

// A certificate of an attempt verifies, says how shares are recovered, and is not put together of what the members did
// not sign in the setup.
func TestCertificateOfAnAttempt(t *testing.T) {
	static := func(a *cocktail.Attempt) {
		for i := range a.Members {
			a.Members[i].Encryption = cocktail.StaticPublicKey{}
		}
	}
	extension := append(fileDigest[:], "board"...)
	for want, change := range map[string]func(*cocktail.Attempt){"": func(*cocktail.Attempt) {}, RecoveryBundle: static} {
		made, members := keygenOf(t, change, extension, "Alice", "Bob")
		encoded := must(must(NewCertificate(made, "board-meeting", fileDigest, "board", false, members))(t).Encode())(t)
		if statement := must(must(ParseCertificate(encoded))(t).Verify())(t); statement.Recovery != want {
			t.Errorf("recovery %q, want %q", statement.Recovery, want)
		}
	}
	for want, change := range map[string]func(*cocktail.Attempt){
		`the key of "Bob" is not`:           func(a *cocktail.Attempt) { a.Members[1].Communication = a.Members[0].Communication },
		"signed for another ceremony file":  func(a *cocktail.Attempt) { a.Digest = make([]byte, 32) },
		"another ceremony file or step, or": func(a *cocktail.Attempt) { a.Step = "other" },
	} {
		made, members := keygenOf(t, change, extension, "Alice", "Bob")
		if _, err := NewCertificate(made, "board-meeting", fileDigest, "board", false, members); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestCertificateVerifies(t *testing.T) {
	encoded := must(newCertificate(t).Encode())(t)
	statement := must(must(ParseCertificate(encoded))(t).Verify())(t)
	if statement.Threshold != 2 || statement.Ceremony != "board-meeting" || statement.Step != "board" || len(statement.Members) != 3 {
		t.Errorf("the statement is %+v", statement)
	}
	if statement.Fingerprint == "" || len(statement.VerifyingKey) != 64 || statement.Rehearsal {
		t.Errorf("the statement is %+v", statement)
	}
}

// Whatever is changed, the certificate does not verify.
func TestCertificateChanged(t *testing.T) {
	flip := func(hex string, at int) string {
		digit := byte('0')
		if hex[at] == '0' {
			digit = '1'
		}
		return hex[:at] + string(digit) + hex[at+1:]
	}
	for name, c := range map[string]struct {
		change func(*Certificate)
		why    string
	}{
		"digest":            {func(c *Certificate) { c.Digest = flip(c.Digest, 0) }, "another ceremony file"},
		"short digest":      {func(c *Certificate) { c.Digest = "00" }, "32 bytes"},
		"step":              {func(c *Certificate) { c.Step = "other" }, "another ceremony file or step"},
		"marked rehearsal":  {func(c *Certificate) { c.Rehearsal = true }, "in a rehearsal"},
		"swapped names":     {func(c *Certificate) { c.Members[0], c.Members[1] = c.Members[1], c.Members[0] }, ""},
		"another's key":     {func(c *Certificate) { c.Members[0].PublicKey = c.Members[1].PublicKey }, `key of "Alice"`},
		"a member less":     {func(c *Certificate) { c.Members = c.Members[:2] }, ""},
		"no members":        {func(c *Certificate) { c.Members = nil }, ""},
		"signature":         {func(c *Certificate) { c.Members[2].Signature = flip(c.Members[2].Signature, 70) }, ""},
		"another signature": {func(c *Certificate) { c.Members[2].Signature = c.Members[1].Signature }, ""},
		"no hexadecimal":    {func(c *Certificate) { c.Members[2].Signature = "xx" }, `signature of "Eve"`},
		"transcript":        {func(c *Certificate) { c.Transcript = flip(c.Transcript, len(c.Transcript)-3) }, ""},
		"no transcript":     {func(c *Certificate) { c.Transcript = "" }, ""},
		"ciphersuite":       {func(c *Certificate) { c.Ciphersuite = "FROST-P256-SHA256-v1" }, "FROST-P256"},
	} {
		t.Run(name, func(t *testing.T) {
			certificate := newCertificate(t)
			c.change(certificate)
			if _, err := certificate.Verify(); err == nil || !strings.Contains(err.Error(), c.why) {
				t.Errorf("the error is %v, want one with %q", err, c.why)
			}
		})
	}
}

// A rehearsal's certificate cannot be passed off as a real one.
func TestRehearsalCertificate(t *testing.T) {
	digest := RehearsalDigest(fileDigest)
	made, members := keygen(t, append(digest[:], "board"...), "Alice", "Bob")
	if _, err := NewCertificate(made, "board-meeting", fileDigest, "board", false, members); err == nil {
		t.Error("a real certificate was made of a rehearsal")
	}
	c := must(NewCertificate(made, "board-meeting", fileDigest, "board", true, members))(t)
	if statement := must(c.Verify())(t); !statement.Rehearsal {
		t.Error("the statement does not say that it was a rehearsal")
	}
	c.Rehearsal = false
	if _, err := c.Verify(); err == nil {
		t.Error("without its mark, a rehearsal's certificate verifies")
	}
}

func FuzzParseCertificate(f *testing.F) {
	f.Add([]byte(`{"version":1,"rehearsal":false,"ceremony":"c","digest":"","step":"","ciphersuite":"FROST-ED25519-SHA512-v1","members":[],"transcript":""}`))
	f.Add([]byte(`{"version":2}`))
	f.Add([]byte(`{"version":1} {}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseCertificate(data)
		if err != nil {
			return
		}
		_, _ = c.Verify() // must not panic
		encoded, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseCertificate(encoded)
		if err != nil {
			t.Fatal(err)
		}
		if twice, _ := json.Marshal(again); string(twice) != string(must(json.Marshal(c))(t)) {
			t.Error("what was read back is something else")
		}
	})
}
