package cocktail

import (
	"errors"
	"fmt"
	"slices"

	"frostkit/frost"
)

// Check is a check of what a member sent ("Error Handling").
type Check uint8

// The checks, in the order in which a message comes to them.
const (
	// CheckEncoding is of a message's form: lengths, the number of commitments,
	// canonical elements of prime order, frames. Others see the same from the same bytes; that the
	// member sent those is for the channel to prove.
	CheckEncoding Check = iota + 1
	// CheckProof is of the proof of possession PoP_j. Others can verify it.
	CheckProof
	// CheckDecryption is of a ciphertext under its pair's key. In a setup of [NewAttemptSetup] others can verify
	// it once they are shown the pair's shared secrets; in others only sender and recipient can.
	CheckDecryption
	// CheckPlaintext is of a plaintext: it begins with a scalar below the group's order. Others can
	// verify it likewise.
	CheckPlaintext
	// CheckShare is of a share against the sender's commitments. Others can verify it likewise.
	CheckShare
	// CheckSignature is of a member's signature over one's own transcript. Others can verify it
	// with the transcript. It fails, too, if somebody showed members different messages:
	// [Transcript.Contribution] tells whose once members compare what they have.
	CheckSignature
)

// String says what the member did for the check to fail.
func (c Check) String() string {
	switch c {
	case CheckEncoding:
		return "sent a malformed message"
	case CheckProof:
		return "sent a proof of possession that does not verify"
	case CheckDecryption:
		return "sent a ciphertext that does not decrypt"
	case CheckPlaintext:
		return "sent a ciphertext that holds no share"
	case CheckShare:
		return "sent a share that does not belong to its commitments"
	case CheckSignature:
		return "sent a signature that does not verify on this transcript"
	}
	return fmt.Sprintf("failed check %d", uint8(c))
}

// ofCiphertext reports whether others can only verify the failure if they can open a ciphertext.
func (c Check) ofCiphertext() bool {
	return c == CheckDecryption || c == CheckPlaintext || c == CheckShare
}

// Fault is one failed check of one member.
type Fault struct {
	// Culprit is who sent it. Where an untrusted coordinator passes messages on, the
	// specification lets a member that is blamed publish the original ("Framing a Participant").
	Culprit frost.Identifier
	// Check is what failed.
	Check Check
	// Err says more, or is nil.
	Err error
	// evidence lets others open the ciphertext, where the setup has such: a disclosure.
	evidence []byte
	setup    *Setup
}

// Error names the culprit and the check.
func (f *Fault) Error() string {
	text := fmt.Sprintf("participant %s %s", f.Culprit, f.Check)
	if f.Err != nil {
		text += ": " + f.Err.Error()
	}
	return text
}

// Unwrap returns Err.
func (f *Fault) Unwrap() error { return f.Err }

// Faults returns every [Fault] that an error holds, in the order of checks and then culprits.
func Faults(err error) []*Fault {
	if fault, ok := err.(*Fault); ok {
		return []*Fault{fault}
	}
	switch wrapped := err.(type) {
	case interface{ Unwrap() []error }:
		var faults []*Fault
		for _, err := range wrapped.Unwrap() {
			faults = append(faults, Faults(err)...)
		}
		return faults
	case interface{ Unwrap() error }:
		return Faults(wrapped.Unwrap())
	}
	return nil
}

// blame makes one error of all faults, nil if there are none.
func blame(faults []*Fault) error {
	byCheck := make(map[Check][]*Fault)
	for _, fault := range faults {
		byCheck[fault.Check] = append(byCheck[fault.Check], fault)
	}
	var failures []*frost.BlameError
	for check := CheckEncoding; check <= CheckSignature; check++ {
		if faults := byCheck[check]; len(faults) > 0 {
			failures = append(failures, blameCheck(check, faults))
		}
	}
	return frost.JoinBlame(failures...)
}

func blameCheck(check Check, faults []*Fault) *frost.BlameError {
	slices.SortFunc(faults, func(a, b *Fault) int { return a.Culprit.Compare(b.Culprit) })
	failure := &frost.BlameError{Check: check.String()}
	var reasons []error
	for _, fault := range faults {
		failure.Culprits = append(failure.Culprits, fault.Culprit)
		reasons = append(reasons, fault)
	}
	if len(faults) == 1 && faults[0].Err != nil {
		failure.Check += ": " + faults[0].Err.Error()
	}
	failure.Err = errors.Join(reasons...)
	return failure
}

// checkSenders checks that what was sent comes from all members and nobody else. That of self
// may be missing.
func checkSenders[T any](s *Setup, self frost.Identifier, what string, sent map[frost.Identifier]T) error {
	var missing, strange []frost.Identifier
	for _, id := range s.ids {
		if _, found := sent[id]; !found && id != self {
			missing = append(missing, id)
		}
	}
	for id := range sent {
		if _, member := s.index[id]; !member {
			strange = append(strange, id)
		}
	}
	slices.SortFunc(strange, frost.Identifier.Compare)
	var failures []*frost.BlameError
	if len(missing) > 0 {
		failures = append(failures, &frost.BlameError{Culprits: missing, Check: "sent no " + what})
	}
	if len(strange) > 0 {
		failures = append(failures, &frost.BlameError{Culprits: strange, Check: "sent a " + what + ", but is no member"})
	}
	return frost.JoinBlame(failures...)
}
