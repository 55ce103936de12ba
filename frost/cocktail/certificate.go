package cocktail

import (
	"fmt"
	"slices"

	"frostkit/frost"
	"frostkit/frost/internal/secret"
)

// Round3 is a member that has signed the transcript, and waits for the signatures of the others. It
// holds no secret.
type Round3 struct {
	transcript *Transcript
	id         frost.Identifier
	own        Signature
}

// certify signs the transcript with the static key: Round 3, Step 2.
func (m *member) certify(t *Transcript) (*Round3, error) {
	if err := m.key.usable(); err != nil {
		return nil, err
	}
	var own Signature
	var err error
	secret.Do(func() { own, err = sign(m.setup.suite, m.key.secret, m.key.public.element, t.encoded) })
	if err != nil {
		return nil, err
	}
	return &Round3{t, m.id, own}, nil
}

// Transcript returns what the member signed.
func (r *Round3) Transcript() *Transcript { return r.transcript }

// Signature returns the member's signature over the transcript, which it sends to all.
func (r *Round3) Signature() Signature { return r.own }

// Next takes the signatures of all other members, by their sender, and verifies them: Round
// 3, Steps 4 and 5. The member's own may be among them. With the certificate the keys are no longer pending.
//
// The error is a *[frost.BlameError] where signatures are missing or do not verify. It spends nothing:
// a signature that came broken may come again.
func (r *Round3) Next(signatures map[frost.Identifier]Signature) (*Certificate, error) {
	const doing = "round 3 of the key generation: %w"
	if err := checkSenders(r.transcript.setup, r.id, "signature", signatures); err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	all := make([]Signature, len(r.transcript.setup.ids))
	for j, id := range r.transcript.setup.ids {
		var found bool
		if all[j], found = signatures[id]; !found {
			all[j] = r.own
		}
	}
	certificate, err := newCertificate(r.transcript, all)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	return certificate, nil
}

// Certificate is the success certificate: a transcript with the signatures of all n members,
// verified. It holds no secret, and needs nothing else to be verified.
type Certificate struct {
	transcript *Transcript
	signatures []Signature
}

// newCertificate verifies every signature "on the transcript T against the public key P_j".
func newCertificate(t *Transcript, signatures []Signature) (*Certificate, error) {
	var faults []*Fault
	var positions []int
	var all []signed
	for j, sig := range signatures {
		if sig.r == nil || sig.suite != t.setup.suite {
			faults = append(faults, signatureFault(t, j))
			continue
		}
		positions = append(positions, j)
		all = append(all, newSigned(sig, t.setup.keys[j], t.encoded))
	}
	for _, i := range invalid(t.setup.suite, all) {
		faults = append(faults, signatureFault(t, positions[i]))
	}
	if err := blame(faults); err != nil {
		return nil, err
	}
	return &Certificate{t, signatures}, nil
}

func signatureFault(t *Transcript, j int) *Fault {
	return &Fault{Culprit: t.setup.ids[j], Check: CheckSignature, setup: t.setup}
}

// DecodeCertificate decodes a transcript followed by its signatures, and verifies them and the
// proofs of possession: what anybody can, and all that there is. Whether the
// static keys are those of certain people, and what the extension means, is for the caller to compare.
func DecodeCertificate(cs frost.Ciphersuite, b []byte) (*Certificate, error) {
	const doing = "decoding a certificate: %w"
	s, err := suiteOf(cs)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	t, rest, err := decodeTranscript(s, b)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	signatures, err := t.setup.decodeSignatures(rest)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	if err := blame(proofFaults(t.setup, t.all)); err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	certificate, err := newCertificate(t, signatures)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	return certificate, nil
}

// DecodeSignatures decodes the aggregated signatures that a coordinator broadcasts, "sig_1 ||
// sig_2 || … || sig_n", for [Round3.Next].
func (s *Setup) DecodeSignatures(b []byte) (map[frost.Identifier]Signature, error) {
	all, err := s.decodeSignatures(b)
	if err != nil {
		return nil, fmt.Errorf("decoding aggregated signatures: %w", err)
	}
	signatures := make(map[frost.Identifier]Signature, len(all))
	for j, id := range s.ids {
		signatures[id] = all[j]
	}
	return signatures, nil
}

// decodeSignatures decodes "sig_1 || sig_2 || … || sig_n".
func (s *Setup) decodeSignatures(b []byte) ([]Signature, error) {
	if want := len(s.ids) * s.suite.signatureSize(); len(b) != want {
		return nil, fmt.Errorf("signatures have %d bytes, want %d", len(b), want)
	}
	return decodeSignatures(s.suite, b)
}

// Transcript returns what was signed.
func (c *Certificate) Transcript() *Transcript { return c.transcript }

// Signature returns a member's signature, and whether id is one.
func (c *Certificate) Signature(id frost.Identifier) (Signature, bool) {
	j, ok := c.transcript.setup.index[id]
	if !ok {
		return Signature{}, false
	}
	return c.signatures[j], true
}

// Encode returns the bytes that [DecodeCertificate] reads: T || sig_1 || … || sig_n.
func (c *Certificate) Encode() []byte {
	return slices.Concat(c.transcript.encoded, c.EncodeSignatures())
}

// EncodeSignatures returns the aggregated signatures that a coordinator broadcasts in
// the end, "sig_1 || sig_2 || … || sig_n".
func (c *Certificate) EncodeSignatures() []byte {
	var b []byte
	for _, sig := range c.signatures {
		b = append(b, sig.Bytes()...)
	}
	return b
}
