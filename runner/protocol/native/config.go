package native

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/frost/cocktail"
	"frostkit/runner/protocol"
)

// Version is the version of the protocol, which all members of a session speak.
const Version = 2

// AttemptID names one attempt of a key generation: a hash of the session and the
// greetings of all members, each of which holds fresh random bytes.
type AttemptID [sha256.Size]byte

// Fact is one thing that members agree on beforehand, as people read it. Facts
// are compared where digests differ.
type Fact struct{ Label, Value string }

// Agreement is what members compare before they begin.
type Agreement struct {
	// Digest is that of the ceremony file.
	Digest [sha256.Size]byte
	// Step says which step of the file this is: the name of the group or signing,
	// at most 200 bytes.
	Step string
	// Facts say what the digest is over. Only members who differ are told.
	Facts []Fact
	// Tool names this program and its version, at most 200 bytes. It is told and
	// not compared.
	Tool string
	// Extensions are said to the others: at most 32 with 8,192 bytes, in the order of their types, each
	// type once.
	Extensions []Extension
}

// check checks the limits of what members tell each other.
func (a Agreement) check() error {
	switch {
	case len(a.Step) > maxText || len(a.Tool) > maxText:
		return fmt.Errorf("step or tool is longer than %d bytes", maxText)
	case !validExtensions(a.Extensions):
		return fmt.Errorf("extensions are out of order, or more than %d, or have more than %d bytes", maxExtensions, maxExtensionBytes)
	}
	return nil
}

// DKGConfig configures [DKG].
type DKGConfig struct {
	Agreement
	// Session is the session's ID at the relay.
	Session [16]byte
	// Ciphersuite is ed25519.
	Ciphersuite frost.Ciphersuite
	// Threshold is how many members will have to sign, from 2 to their number.
	Threshold int
	// Key is the communication key of the member that this is.
	Key *commkey.PrivateKey
	// Members lists all members, self included, in the order of the ceremony file:
	// the first gets the identifier 1. Their Identifier fields are ignored.
	Members []protocol.Member
	// Bundle has the shares encrypted to the communication keys, so that [Recover] makes a share again from such a
	// key and the bundle. Who recorded the messages can do the same with a key that is stolen ever after. All members
	// must agree on it. Otherwise shares are encrypted to keys that are made for the attempt and destroyed.
	Bundle bool
	// Random yields the secrets; nil stands for crypto/rand.
	Random io.Reader
	// Resend is how long to wait for a message before asking for it again, at
	// first; 0 stands for 5 s. It grows to a minute.
	Resend time.Duration
	// Settle is how long a member that has found a fault waits to hear what others
	// found; 0 stands for 3 s.
	Settle time.Duration
	// Serve is how long a member whose group was made in an earlier run is there for others who
	// need it; 0 stands for a minute.
	Serve time.Duration
	// Records are those that Store was given in earlier runs, oldest first.
	Records []Record
	// Store keeps a record, instead of one with the same attempt if there is one.
	// It has synced it when it returns; only then does anything leave that lets
	// others rely on it. The share in it is Store's to wipe.
	Store func(Record) error
	// Save stores the group for good. It is called when all members have signed the
	// transcript, and may be called again for a group that it has saved. What it is
	// given is only lent.
	Save func(*Outcome) error
	// Approve, if given, is asked once everybody agrees and before round 1. An
	// error declines, and its text reaches the others.
	Approve func(context.Context) error
	// Agreed, if given, is told the setup of each attempt that all agree on.
	Agreed func(AttemptID, *cocktail.Setup)
	// Progress is told of each step; it must not block. Nil stands for nobody.
	Progress func(protocol.Event)
}

// Record is what a member stores before its signature leaves. It holds the share, or with
// [DKGConfig.Bundle] what is the share to who has the member's key: it does not print.
type Record struct {
	Attempt AttemptID
	// Transcript and Bundle are as cocktail encodes them. Bundle is nil without [DKGConfig.Bundle].
	Transcript, Bundle []byte
	// Share is the member's key package in postcard, nil with [DKGConfig.Bundle].
	Share []byte
	// Signatures are what follows the transcript in the certificate of the finished key generation,
	// nil while it is pending.
	Signatures []byte
}

// Format prints a placeholder, whatever the verb.
func (Record) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[record]") }

// MarshalText refuses to marshal a record, as every encoder that asks it finds.
func (Record) MarshalText() ([]byte, error) { return nil, errMarshal }

var errMarshal = errors.New("refusing to marshal a record")

// cloneRecords clones records with their shares, which the clone's owner wipes.
func cloneRecords(records []Record) []Record {
	cloned := slices.Clone(records)
	for i := range cloned {
		cloned[i].Share = slices.Clone(cloned[i].Share)
	}
	return cloned
}

// Finished reports whether the record has all signatures.
func (r Record) Finished() bool { return r.Signatures != nil }

// Certificate returns the certificate of a finished key generation as cocktail encodes it.
func (r Record) Certificate() []byte { return slices.Concat(r.Transcript, r.Signatures) }

// Outcome is the group that a [DKG] made. The caller destroys the key package.
type Outcome struct {
	KeyPackage       *frost.KeyPackage
	PublicKeyPackage *frost.PublicKeyPackage
	Certificate      *cocktail.Certificate
	// Bundle is nil without [DKGConfig.Bundle].
	Bundle *cocktail.Bundle
	// Members are those of the configuration with their identifiers.
	Members []protocol.Member
	// Attempts is how many it took, from 1.
	Attempts int
	// Unconfirmed are the members who have not said that they saved the group. They
	// signed the transcript, and so have stored what they need to complete.
	Unconfirmed []protocol.Member
	// Ended tells that the session ended while this member waited to hear it of them.
	Ended bool
}
