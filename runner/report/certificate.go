package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/frost/cocktail"
	"frostkit/relay/xeddsa"
)

// MaxCertificateSize is the largest certificate.json that is read, in bytes:
// 255 members with a threshold as high take a little more than 4 MiB.
const MaxCertificateSize = 16 << 20

// Certificate is certificate.json: the transcript of a key generation and the
// signatures of all members over it, with the names that the members go by.
// Byte strings are in lower-case hexadecimal.
type Certificate struct {
	Version     int                 `json:"version"`
	Rehearsal   bool                `json:"rehearsal"`
	Ceremony    string              `json:"ceremony"`
	Digest      string              `json:"digest"` // of the ceremony file, 32 bytes
	Step        string              `json:"step"`   // of the ceremony that made the group
	Ciphersuite string              `json:"ciphersuite"`
	Members     []CertificateMember `json:"members"` // in the order of their identifiers
	Transcript  string              `json:"transcript"`
}

// CertificateMember is a member's name, communication key and signature over
// the transcript.
type CertificateMember struct {
	Name      string            `json:"name"`
	PublicKey commkey.PublicKey `json:"pubkey"`
	Signature string            `json:"signature"`
}

// Statement is what a verified certificate says.
type Statement struct {
	Rehearsal    bool                `json:"rehearsal"`
	Ceremony     string              `json:"ceremony"`
	Digest       string              `json:"digest"`
	Step         string              `json:"step"`
	Ciphersuite  string              `json:"ciphersuite"`
	Threshold    int                 `json:"threshold"`
	VerifyingKey string              `json:"verifying_key"`
	Fingerprint  string              `json:"fingerprint"`
	Transcript   string              `json:"transcript_fingerprint"`
	Recovery     string              `json:"recovery,omitempty"` // "bundle" if communication keys open the shares
	Members      []CertificateMember `json:"members"`
}

// NewCertificate puts together certificate.json of a certificate, whose signatures are verified. The
// members are in the order of their identifiers. It fails if their keys, the digest or the step are not
// those that were signed.
func NewCertificate(c *cocktail.Certificate, ceremony string, digest [32]byte, step string, rehearsal bool, members []CertificateMember) (*Certificate, error) {
	setup := c.Transcript().Setup()
	out := &Certificate{
		Version: Version, Rehearsal: rehearsal, Ceremony: ceremony, Digest: hex.EncodeToString(digest[:]), Step: step,
		Ciphersuite: setup.Ciphersuite().ID(), Members: append([]CertificateMember{}, members...),
		Transcript: hex.EncodeToString(c.Transcript().Encode()),
	}
	ids := setup.Identifiers()
	if len(ids) != len(members) {
		return nil, fmt.Errorf("writing the certificate: %d names for %d members", len(members), len(ids))
	}
	for i, id := range ids {
		signature, _ := c.Signature(id)
		out.Members[i].Signature = hex.EncodeToString(signature.Bytes())
	}
	if err := out.check(c); err != nil {
		return nil, fmt.Errorf("writing the certificate: %w", err)
	}
	return out, nil
}

// Encode returns certificate.json.
func (c *Certificate) Encode() ([]byte, error) { return encode(c) }

// ParseCertificate reads certificate.json strictly: no unknown field, nothing
// after it. It verifies nothing.
func ParseCertificate(data []byte) (*Certificate, error) {
	if len(data) > MaxCertificateSize {
		return nil, fmt.Errorf("reading the certificate: it has %d bytes, want %d at most", len(data), MaxCertificateSize)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	c := &Certificate{}
	if err := decoder.Decode(c); err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("reading the certificate: something follows it")
	}
	if c.Version != Version {
		return nil, fmt.Errorf("reading the certificate: version %d, want %d: it may need a newer frostkit", c.Version, Version)
	}
	return c, nil
}

// Verify checks everything that the certificate can show by itself: that each
// member, under the key beside its name, signed the one transcript, that the
// transcript is of this ceremony file, and what group came out. That the keys
// are those of certain people is for the reader to know.
func (c *Certificate) Verify() (*Statement, error) {
	const doing = "verifying the certificate: %w"
	made, err := c.decode()
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	if err := c.check(made); err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	public, err := made.Transcript().PublicKeyPackage()
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	key := public.VerifyingKey()
	return &Statement{
		Rehearsal: c.Rehearsal, Ceremony: c.Ceremony, Digest: c.Digest, Step: c.Step, Ciphersuite: c.Ciphersuite,
		Threshold: made.Transcript().Setup().Threshold(), VerifyingKey: key.String(), Fingerprint: Fingerprint(key.Bytes()),
		Transcript: Fingerprint(made.Transcript().Encode()), Members: c.Members, Recovery: recoveryOf(made),
	}, nil
}

// RecoveryBundle is the recovery of a group whose shares communication keys open, with a bundle each.
const RecoveryBundle = "bundle"

// recoveryOf says how the members of a group recover shares.
func recoveryOf(c *cocktail.Certificate) string {
	if c.Transcript().Setup().Recoverable() {
		return RecoveryBundle
	}
	return ""
}

// EncodeCocktail returns the transcript and the signatures as package cocktail
// encodes a certificate, with which a member can recover its share
// ([cocktail.Recover]). It fails unless the signatures verify.
func (c *Certificate) EncodeCocktail() ([]byte, error) {
	made, err := c.decode()
	if err != nil {
		return nil, fmt.Errorf("verifying the certificate: %w", err)
	}
	return made.Encode(), nil
}

// decode verifies the signatures, which are in the members' order.
func (c *Certificate) decode() (*cocktail.Certificate, error) {
	cs, err := frost.CiphersuiteByID(c.Ciphersuite)
	if err != nil {
		return nil, err
	}
	encoded, err := hex.DecodeString(c.Transcript)
	if err != nil {
		return nil, errors.New("the transcript is not hexadecimal")
	}
	for _, m := range c.Members {
		signature, err := hex.DecodeString(m.Signature)
		if err != nil {
			return nil, fmt.Errorf("the signature of %q is not hexadecimal", m.Name)
		}
		encoded = append(encoded, signature...)
	}
	return cocktail.DecodeCertificate(cs, encoded)
}

// check compares what stands beside the signatures with what was signed.
func (c *Certificate) check(made *cocktail.Certificate) error {
	if err := c.checkMembers(made); err != nil {
		return err
	}
	return c.checkCeremony(made.Transcript())
}

// checkMembers compares the static keys of the transcript with the members'
// communication keys, in Edwards form (XEdDSA, section 2.3).
func (c *Certificate) checkMembers(made *cocktail.Certificate) error {
	setup := made.Transcript().Setup()
	ids := setup.Identifiers()
	if len(ids) != len(c.Members) {
		return fmt.Errorf("%d members are named, and the transcript has %d", len(c.Members), len(ids))
	}
	for i, m := range c.Members {
		edwards, err := xeddsa.EdwardsPublicKey(m.PublicKey)
		if err != nil {
			return fmt.Errorf("the key of %q: %w", m.Name, err)
		}
		if static, _ := setup.Member(ids[i]); !bytes.Equal(static.Bytes(), edwards) {
			return fmt.Errorf("the key of %q is not the one in the transcript", m.Name)
		}
		if attempt, ok := setup.Attempt(); ok && !bytes.Equal(attempt.Members[i].Communication, m.PublicKey.Bytes()) {
			return fmt.Errorf("the key of %q is not the one in the transcript", m.Name)
		}
	}
	return nil
}

// checkCeremony compares the transcript's extension, and what a transcript of an attempt has of it too, with the
// digest and step.
func (c *Certificate) checkCeremony(t *cocktail.Transcript) error {
	digest, err := hex.DecodeString(c.Digest)
	if err != nil || len(digest) != 32 {
		return fmt.Errorf("the digest %q is not 32 bytes in hexadecimal", c.Digest)
	}
	if c.Rehearsal {
		rehearsed := RehearsalDigest([32]byte(digest))
		digest = rehearsed[:]
	}
	attempt, ok := t.Setup().Attempt()
	if !bytes.Equal(t.Extension(), append(bytes.Clone(digest), c.Step...)) || ok && (!bytes.Equal(attempt.Digest, digest) || attempt.Step != c.Step) {
		return errors.New("the members signed for another ceremony file or step, or in a rehearsal")
	}
	return nil
}

// rehearsalLabel begins what is hashed for a rehearsal's digest.
const rehearsalLabel = "frostkit rehearsal"

// RehearsalDigest is what the members of a rehearsal agree on in the place of
// the ceremony file's digest: SHA-256("frostkit rehearsal" || digest). So
// nothing that is signed in a rehearsal stands for a real ceremony.
func RehearsalDigest(digest [32]byte) [32]byte {
	return sha256.Sum256(append([]byte(rehearsalLabel), digest[:]...))
}
