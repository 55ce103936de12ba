package native

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/runner/protocol"
)

// CoordinateConfig configures [Coordinate].
type CoordinateConfig struct {
	Agreement
	// Session is the session's ID at the relay.
	Session [16]byte
	// Key is the coordinator's communication key.
	Key              *commkey.PrivateKey
	PublicKeyPackage *frost.PublicKeyPackage
	// Candidates are the members who may sign, with their identifiers; the coordinator
	// among them if it signs too.
	Candidates []protocol.Member
	// Need is how many of them sign, from the threshold to all: the first who answer.
	// 0 stands for all.
	Need int
	// ShareWait is how long those who sign have for their shares before others are taken in their
	// place; 0 stands for as long as there is.
	ShareWait time.Duration
	// Messages is what to sign, one signature each: 1 to 255, together about 60,000 bytes at most, less 33 for
	// each candidate.
	Messages [][]byte
	// Aux is shown to the signers and not signed.
	Aux []byte
	// Save, if given, stores the signatures before anybody else is told of them, so that nobody is let go
	// while they could still be lost.
	Save func([]frost.Signature) error
	// Signatures, if given, are there from an earlier run, which may have been killed before it had told
	// everybody: nothing is signed, and who comes is told.
	Signatures []frost.Signature
	// Random yields what tells this run from others; nil stands for crypto/rand.
	Random io.Reader
	// Progress is told of each step; it must not block. Nil stands for nobody.
	Progress func(protocol.Event)
}

// Signed is what came of a signing.
type Signed struct {
	// Signatures are those of the messages, in their order, each verified.
	Signatures []frost.Signature
	// Signers are those who made them. A signer who was not told who signed with it knows
	// nobody.
	Signers []protocol.Member
	// Excluded are the candidates who did not sign, and why.
	Excluded []Exclusion
	// Attempts is how many it took, from 1.
	Attempts int
	// Ended tells that the session ended after this member had signed and before it was told
	// the signatures.
	Ended bool
}

// Exclusion is a candidate who was left out.
type Exclusion struct {
	Member protocol.Member
	Reason string
	// Culprit says that the member broke the protocol, Declined that it did not want to sign, and
	// Unneeded that others were first. Otherwise it was silent.
	Culprit, Declined, Unneeded bool
	// Said is the reason that a member gave for declining, unchecked.
	Said string
}

// Why a member did not sign, in a word or two.
const (
	WhyDeclined = "declined"
	WhySilent   = "silent"
	WhyCulprit  = "broke the protocol"
	WhyUnneeded = "not needed"
)

// Why says in a word or two why the member did not sign, and what is known of it: of who declined what the
// member said, unchecked.
func (x Exclusion) Why() (why, detail string) {
	switch {
	case x.Culprit:
		return WhyCulprit, x.Reason
	case x.Declined:
		return WhyDeclined, x.Said
	case x.Unneeded:
		return WhyUnneeded, ""
	}
	return WhySilent, x.Reason
}

// NotEnoughError reports that too few candidates are left to sign.
type NotEnoughError struct {
	Need     int
	Excluded []Exclusion
}

// Error says who is out and why.
func (e *NotEnoughError) Error() string {
	text := fmt.Sprintf("collecting %d signatures: too few members are left to sign", e.Need)
	for _, x := range e.Excluded {
		text += fmt.Sprintf("; %s %s", x.Member, x.Reason)
	}
	return text
}

// Is reports whether target is [protocol.ErrDeclined] and all who are out declined.
func (e *NotEnoughError) Is(target error) bool {
	return target == protocol.ErrDeclined && !slices.ContainsFunc(e.Excluded, func(x Exclusion) bool { return !x.Declined })
}

// As makes a [*protocol.CulpritError] of those who broke the protocol.
func (e *NotEnoughError) As(target any) bool {
	into, ok := target.(**protocol.CulpritError)
	if !ok {
		return false
	}
	var all []*protocol.CulpritError
	for _, x := range e.Excluded {
		if x.Culprit {
			all = append(all, protocol.Culprit(protocol.PhaseShares, x.Member, x.Reason, nil))
		}
	}
	if len(all) == 0 {
		return false
	}
	return errors.As(joinCulprits(all), into)
}

// ParticipateConfig configures [Participate].
type ParticipateConfig struct {
	Agreement
	// Session is the session's ID at the relay.
	Session [16]byte
	// Key is the signer's communication key.
	Key        *commkey.PrivateKey
	KeyPackage *frost.KeyPackage
	// VerifyingKey is the group's key.
	VerifyingKey frost.VerifyingKey
	// Members lists the group's members, and Coordinator the key of the one who asks.
	Members     []protocol.Member
	Coordinator commkey.PublicKey
	// Resend is how long to wait for an answer before saying it again, at first; 0 stands for 5 s.
	Resend time.Duration
	// Random yields the nonces' randomness; nil stands for crypto/rand.
	Random io.Reader
	// Approve looks at what is to be signed, and returns nil to sign exactly that, in as many
	// attempts as it takes. An error declines, and its text reaches the coordinator. Its context ends
	// when the coordinator gives up.
	Approve func(context.Context, protocol.Review) error
	// Save, if given, stores the signatures before the coordinator is told that they are here.
	Save func([]frost.Signature) error
	// Committed, if given, is told of all commitments before they leave, for a log that shows that none
	// is used twice.
	Committed func([]*frost.SigningCommitments)
	// Progress is told of each step; it must not block. Nil stands for nobody.
	Progress func(protocol.Event)
}

func sortedIDs[V any](m map[frost.Identifier]V) []frost.Identifier {
	return slices.SortedFunc(maps.Keys(m), frost.Identifier.Compare)
}

// encodedIDs are the members' identifiers in their order, encoded.
func encodedIDs(members []protocol.Member) [][]byte {
	ids := make(map[frost.Identifier]bool, len(members))
	for _, m := range members {
		ids[m.Identifier] = true
	}
	var all [][]byte
	for _, id := range sortedIDs(ids) {
		all = append(all, id.Bytes())
	}
	return all
}

func named(members []protocol.Member, id frost.Identifier) protocol.Member {
	i := slices.IndexFunc(members, func(m protocol.Member) bool { return m.Identifier == id })
	if i < 0 {
		return protocol.Member{Name: "identifier " + id.String(), Identifier: id}
	}
	return members[i]
}

func orSilent(progress func(protocol.Event)) func(protocol.Event) {
	if progress == nil {
		return func(protocol.Event) {}
	}
	return progress
}

// check checks what is to be signed by whom, and fills in how many.
func (cfg *CoordinateConfig) check() error {
	least, known := cfg.PublicKeyPackage.MinSigners()
	cfg.Need = cmp.Or(cfg.Need, len(cfg.Candidates))
	switch {
	case cfg.Key == nil:
		return errors.New("no communication key is given")
	case cfg.Need > len(cfg.Candidates), known && cfg.Need < least, cfg.Need < 1:
		return fmt.Errorf("%d of %d candidates are to sign, the threshold is %d", cfg.Need, len(cfg.Candidates), least)
	case len(cfg.Messages) < 1 || len(cfg.Messages) > protocol.MaxMessages:
		return fmt.Errorf("there are %d messages, a session signs 1 to %d", len(cfg.Messages), protocol.MaxMessages)
	}
	if err := cfg.Agreement.check(); err != nil {
		return err
	}
	size := len(cfg.Aux)
	for _, x := range cfg.Extensions {
		size += len(x.Value)
	}
	for _, message := range cfg.Messages {
		size += len(message)
	}
	if most := protocol.MaxSigned(len(cfg.Candidates)); size > most {
		return fmt.Errorf("messages and aux data have %d bytes, at most %d can be sent", size, most)
	}
	seen := make(map[commkey.PublicKey]bool)
	for _, m := range cfg.Candidates {
		if _, known := cfg.PublicKeyPackage.VerifyingShare(m.Identifier); !known || seen[m.Key] {
			return fmt.Errorf("candidate %q holds no share of the group, or is named twice", m)
		}
		seen[m.Key] = true
	}
	return nil
}
