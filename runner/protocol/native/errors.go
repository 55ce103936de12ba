package native

import (
	"errors"
	"fmt"
	"strings"

	"frostkit/internal/shown"
	"frostkit/runner/protocol"
)

// AgreementError reports that members came with different ideas of what to do.
// Nothing was begun.
type AgreementError struct {
	Differences []Difference
}

// Difference is one thing that is not the same at all members.
type Difference struct {
	// Field says what: "protocol version", "step", "ceremony file", "group", "threshold, or keys
	// and order of the members", or the label of a [Fact], quoted where only others have it.
	Field string
	// Values are what members have, those that told, in the order of the members.
	Values []Value
}

// Value is what one member has; "(nothing)" where it has none.
type Value struct {
	Member protocol.Member
	Value  string
}

// Error lists field by field who has what.
func (e *AgreementError) Error() string {
	text := strings.Builder{}
	text.WriteString("comparing what the members agreed on: they differ")
	for _, d := range e.Differences {
		fmt.Fprintf(&text, "\n  %s:", shown.Words(d.Field))
		for _, group := range d.grouped() {
			fmt.Fprintf(&text, "\n    %s at %s", shown.Words(group.value), protocol.Names(group.members))
		}
	}
	return text.String()
}

type sameValue struct {
	value   string
	members []protocol.Member
}

// grouped puts the members with the same value together.
func (d Difference) grouped() []sameValue {
	var groups []sameValue
next:
	for _, v := range d.Values {
		for i := range groups {
			if groups[i].value == v.Value {
				groups[i].members = append(groups[i].members, v.Member)
				continue next
			}
		}
		groups = append(groups, sameValue{v.Value, []protocol.Member{v.Member}})
	}
	return groups
}

// EndedError reports that another member ended the run for all.
type EndedError struct {
	// Member is who did.
	Member protocol.Member
	// Declined says that the member did not want it, rather than could not go on. Such an error
	// is [protocol.ErrDeclined].
	Declined bool
	// Reason is what the member says, unchecked.
	Reason string
	// Missing are the members for whom it waited in vain, in Phase, where that is why. Such an error is a
	// [*protocol.MissingError], too.
	Missing []protocol.Member
	Phase   string
}

// Error says who and why.
func (e *EndedError) Error() string {
	did := "gave up"
	if e.Declined {
		did = "declined"
	}
	if e.Reason == "" {
		return fmt.Sprintf("%s %s", e.Member, did)
	}
	return fmt.Sprintf("%s %s: %s", e.Member, did, shown.Quote(e.Reason))
}

// Is reports whether target is [protocol.ErrDeclined] and the member declined.
func (e *EndedError) Is(target error) bool { return e.Declined && target == protocol.ErrDeclined }

// As makes a [*protocol.MissingError] of who was missing.
func (e *EndedError) As(target any) bool {
	into, ok := target.(**protocol.MissingError)
	if ok = ok && len(e.Missing) > 0; ok {
		*into = &protocol.MissingError{Phase: e.Phase, Missing: e.Missing}
	}
	return ok
}

// LostRecordError reports that a group was made before, with the signatures of all members, of whom
// some no longer have what they stored then. A new one would have split the members.
type LostRecordError struct {
	// Members are those without the record. Each can recover its share from the certificate, its own
	// bundle and its key.
	Members []protocol.Member
}

// Error names the members.
func (e *LostRecordError) Error() string {
	return fmt.Sprintf("going on with a finished key generation: %s lost what the others stored; the group is made, and a share can be recovered from certificate, bundle and key", protocol.Names(e.Members))
}

// errAttempts ends a signing in which members started again too often.
var errAttempts = fmt.Errorf("members began more than %d attempts", maxAttempts)

// Why a greeting is dropped.
var (
	errGreeting = fmt.Errorf("its greeting is malformed, or of attempt 0 or one beyond %d", maxAttempt)
	errOlder    = fmt.Errorf("its greeting is of version %d, and its sender speaks a later one", unprovable)
)

// newAttempt ends an attempt, for the next one to begin.
type newAttempt struct {
	number uint32
	cause  protocol.Member
	why    string // to be read after its name
}

// Why an attempt begins, to be read after the name of who caused it.
const (
	restarted = "was started again"
	certified = "has the certificate of a group that is made"
	// Ahead is the reason of who learned of an attempt from a member that was in it already.
	Ahead = "had begun it"
)

func (*newAttempt) Error() string { return "a new attempt begins" }

// joinCulprits makes one error of several that name culprits.
func joinCulprits(all []*protocol.CulpritError) error {
	if len(all) == 1 {
		return all[0]
	}
	joined := &protocol.CulpritError{Phase: all[0].Phase}
	var checks []string
	var errs []error
	for _, e := range all {
		checks = append(checks, protocol.Names(e.Culprits)+" "+e.Check)
		errs = append(errs, e.Err)
		joined.Evidence = append(joined.Evidence, e.Evidence...)
		for _, m := range e.Culprits {
			if !has(joined.Culprits, m) {
				joined.Culprits = append(joined.Culprits, m)
			}
		}
	}
	joined.Check = "failed several checks: " + strings.Join(checks, "; ")
	joined.Err = errors.Join(errs...)
	return joined
}

func has(members []protocol.Member, m protocol.Member) bool {
	for _, other := range members {
		if other.Key == m.Key {
			return true
		}
	}
	return false
}
