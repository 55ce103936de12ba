package native

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"frostkit/commkey"
	"frostkit/relay/sealed"
	"frostkit/relay/xeddsa"
)

// The forms of an envelope, in its first byte.
const (
	formSigned = 1 // form || payload || XEdDSA signature
	formSealed = 2 // form || Noise K message with the payload
)

// The labels begin what is signed, and the prologue of what is sealed. They have
// the same length, and everything after them but the payload has a fixed one.
const (
	signedLabel = "frostkit signed message"
	sealedLabel = "frostkit sealed message"
)

var errNotOpened = errors.New("it is not by the member in whose name it came, or of another session")

// sessionID is the session's ID at the relay.
type sessionID = [16]byte

// signEnvelope makes a message that everybody can read and nobody but the key's owner
// can have made: the signature is over label || session || sender || payload.
func signEnvelope(key *commkey.PrivateKey, session sessionID, payload []byte) ([]byte, error) {
	signature, err := xeddsa.Sign(rand.Reader, key, signedText(session, key.Public(), payload))
	if err != nil {
		return nil, fmt.Errorf("signing a message: %w", err)
	}
	return slices.Concat([]byte{formSigned}, payload, signature[:]), nil
}

func signedText(session sessionID, sender commkey.PublicKey, payload []byte) []byte {
	return slices.Concat([]byte(signedLabel), session[:], sender.Bytes(), payload)
}

// sealEnvelope makes a message for one recipient. The prologue is label || session ||
// sender || recipient.
func sealEnvelope(key *commkey.PrivateKey, session sessionID, to commkey.PublicKey, payload []byte) ([]byte, error) {
	message, err := sealed.SealOnce(key, to, prologue(session, key.Public(), to), payload)
	if err != nil {
		return nil, err
	}
	return append([]byte{formSealed}, message...), nil
}

func prologue(session sessionID, from, to commkey.PublicKey) []byte {
	return slices.Concat([]byte(sealedLabel), session[:], from.Bytes(), to.Bytes())
}

// openEnvelope returns the payload of a message that came in a sender's name.
func openEnvelope(key *commkey.PrivateKey, session sessionID, sender commkey.PublicKey, envelope []byte) ([]byte, error) {
	if len(envelope) == 0 {
		return nil, errors.New("it is empty")
	}
	switch form, rest := envelope[0], envelope[1:]; form {
	case formSigned:
		return openSigned(session, sender, rest)
	case formSealed:
		payload, err := sealed.OpenOnce(key, sender, prologue(session, sender, key.Public()), rest)
		if err != nil {
			return nil, errNotOpened
		}
		return payload, nil
	}
	return nil, fmt.Errorf("its form %d is not known", envelope[0])
}

func openSigned(session sessionID, sender commkey.PublicKey, b []byte) ([]byte, error) {
	if len(b) < xeddsa.SignatureSize {
		return nil, errNotOpened
	}
	payload, signature := b[:len(b)-xeddsa.SignatureSize], b[len(b)-xeddsa.SignatureSize:]
	if !xeddsa.Verify(sender, signedText(session, sender, payload), signature) {
		return nil, errNotOpened
	}
	return bytes.Clone(payload), nil
}
