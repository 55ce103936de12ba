package native

import (
	"frostkit/commkey"
)

// Letter is what an envelope holds, for rehearsals: they choose by it what goes
// wrong, and let a member lie with its own key.
type Letter struct {
	// Phase is the phase that the message belongs to.
	Phase string
	// Number is that of the attempt, from 1.
	Number uint32
	// Attempt, Kind and Body are ID, kind and body of docs/protocol.md, and may be
	// changed.
	Attempt AttemptID
	Kind    uint8
	Body    []byte

	form    byte
	message message
}

// OpenLetter opens an envelope of a session with the recipient's key.
func OpenLetter(session [16]byte, sender commkey.PublicKey, recipient *commkey.PrivateKey, envelope []byte) (Letter, error) {
	payload, err := openEnvelope(recipient, session, sender, envelope)
	if err != nil {
		return Letter{}, err
	}
	m, err := decodeMessage(payload)
	if err != nil {
		return Letter{}, err
	}
	return Letter{Phase: phaseOfKind(m.kind), Number: m.number, Attempt: m.id, Kind: uint8(m.kind), Body: m.body, form: envelope[0], message: m}, nil
}

// Envelope signs or seals the letter again, as it was.
func (l Letter) Envelope(session [16]byte, sender *commkey.PrivateKey, recipient commkey.PublicKey) ([]byte, error) {
	m := l.message
	m.kind, m.id, m.body = kind(l.Kind), l.Attempt, l.Body
	if l.form == formSealed {
		return sealEnvelope(sender, session, recipient, m.encode())
	}
	return signEnvelope(sender, session, m.encode())
}

// Round1 reports whether the letter is a round 1 message of COCKTAIL-DKG.
func (l Letter) Round1() bool { return kind(l.Kind) == kindRound1 }

// Signature reports whether the letter holds a signature of the transcript, in
// its last 64 bytes.
func (l Letter) Signature() bool { return kind(l.Kind) == kindSignature }

// Shares reports whether the letter holds signature shares, the last of them in
// its last 32 bytes.
func (l Letter) Shares() bool { return kind(l.Kind) == kindShares }

func phaseOfKind(k kind) string {
	if phase, ok := phaseOf[k]; ok {
		return phase
	}
	return phaseOfSigning[k]
}
