package frost

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"frostkit/frost/internal/secret"
)

var (
	// ErrNoncesSpent is the error of [Signer.Sign] after the first call, and after
	// [Signer.Destroy]. A new signature needs a new [Signer] and new commitments.
	ErrNoncesSpent = errors.New("signing nonces are spent")
	// ErrInvalidSignature is the error of a signature that does not verify.
	ErrInvalidSignature = errors.New("signature does not verify")
	// ErrDestroyed is the error of using a secret after it was destroyed.
	ErrDestroyed = errors.New("secret is destroyed")
	// ErrSecret is the error of marshalling a secret.
	ErrSecret = secret.ErrMarshal
)

// guard, embedded, keeps a secret from being printed or marshalled.
type guard = secret.Guard

// BlameError names participants whose message failed a check.
type BlameError struct {
	// Culprits are all of them, in ascending order.
	Culprits []Identifier
	// Check says what failed in words, such as "sent 4 commitments, threshold is 3".
	Check string
	// Err is the reason, if there is more to it, or the [BlameError] of each
	// check joined if several failed.
	Err error
}

// Error names the culprits and the check.
func (e *BlameError) Error() string {
	names := make([]string, len(e.Culprits))
	for i, id := range e.Culprits {
		names[i] = id.String()
	}
	who := "participant "
	if len(names) > 1 {
		who = "participants "
	}
	return who + strings.Join(names, ", ") + ": " + e.Check
}

// Unwrap returns the reason.
func (e *BlameError) Unwrap() error { return e.Err }

// JoinBlame makes one error of the failures of several checks, nil if there
// are none. Its culprits are those of all.
func JoinBlame(failures ...*BlameError) error {
	switch len(failures) {
	case 0:
		return nil
	case 1:
		return failures[0]
	}
	joined := new(BlameError)
	var checks []string
	var reasons []error
	for _, failure := range failures {
		joined.Culprits = append(joined.Culprits, failure.Culprits...)
		checks = append(checks, failure.Error())
		reasons = append(reasons, failure)
	}
	slices.SortFunc(joined.Culprits, Identifier.Compare)
	joined.Culprits = slices.Compact(joined.Culprits)
	joined.Check = strings.Join(checks, "; ")
	joined.Err = errors.Join(reasons...)
	return joined
}

// wrap says what was being done when an error happened.
func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
