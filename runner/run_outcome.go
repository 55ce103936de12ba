package runner

import (
	"errors"
	"slices"
	"sync"

	"frostkit/ceremony"
	"frostkit/frost"
	"frostkit/internal/shown"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
	"frostkit/runner/report"
)

// outcomes are what the parts of a run found out beside what they wrote.
type outcomes struct {
	known       sync.Mutex
	signings    map[int]signingOutcome // by their numbers
	missing     []string               // at a deadline
	reminders   []reminder             // for them
	unconfirmed map[string][]string    // by the group's name: of whom nobody here heard that they saved it
	fresh       map[freshKey]bool      // made by this run, from its beginning
}

// freshKey is a group's key at a member.
type freshKey struct{ member, key string }

// setFresh notes that this run made a group, for a member.
func (o *outcomes) setFresh(m ceremony.Member, key string) {
	o.known.Lock()
	defer o.known.Unlock()
	if o.fresh == nil {
		o.fresh = map[freshKey]bool{}
	}
	o.fresh[freshKey{m.Name, key}] = true
}

// isFresh reports whether this run made a group, for a member.
func (o *outcomes) isFresh(m ceremony.Member, key string) bool {
	o.known.Lock()
	defer o.known.Unlock()
	return o.fresh[freshKey{m.Name, key}]
}

// missed notes who was missing where that is why a run failed.
func (o *outcomes) missed(err error) {
	if err != nil {
		failure := classify(err)
		o.missing, o.reminders = failure.Missing, failure.Reminders
	}
}

// signingOutcome says who signed and who did not.
type signingOutcome struct {
	signers   []string
	absent    []report.Absence
	signature *frost.Signature // verified; nil where this run was not told
}

// collected notes what a coordinator here has of a signing that ended.
func (r *run) collected(signing ceremony.Signing, signed *native.Signed, err error) {
	out := signingOutcome{absent: absences(err)}
	if err == nil {
		out = outcomeOf(signed)
	}
	for _, absent := range out.absent {
		if absent.Why == native.WhyDeclined && !r.isHere(absent.Member) {
			r.add(refusal{
				Member: absent.Member, Signing: signing.Number, Message: r.messagePath(signing), Reason: absent.Reason,
			})
		}
	}
	r.known.Lock()
	defer r.known.Unlock()
	r.setSigning(signing, out)
}

// answered notes what a signer here was told of a signing that ended. A
// coordinator here knows better.
func (r *run) answered(signing ceremony.Signing, signed *native.Signed, err error) {
	if err != nil || r.isHere(signing.Coordinator()) {
		return
	}
	r.known.Lock()
	defer r.known.Unlock()
	r.setSigning(signing, outcomeOf(signed))
}

func (r *run) setSigning(signing ceremony.Signing, out signingOutcome) {
	if r.signings == nil {
		r.signings = map[int]signingOutcome{}
	}
	r.signings[signing.Number] = out
}

func outcomeOf(signed *native.Signed) signingOutcome {
	out := signingOutcome{signers: namesIn(signed.Signers), absent: excluded(signed.Excluded)}
	if len(signed.Signatures) > 0 {
		out.signature = &signed.Signatures[0]
	}
	return out
}

// excluded says why candidates did not sign.
func excluded(all []native.Exclusion) []report.Absence {
	var absent []report.Absence
	for _, x := range all {
		why, detail := x.Why()
		absent = append(absent, report.Absence{Member: x.Member.String(), Why: why, Reason: shown.Words(detail)})
	}
	return absent
}

// absences says who kept a coordinator from a signature.
func absences(err error) []report.Absence {
	var few *native.NotEnoughError
	var missing *protocol.MissingError
	var culprit *protocol.CulpritError
	var all []report.Absence
	switch {
	case errors.As(err, &few):
		return excluded(few.Excluded)
	case errors.As(err, &missing):
		for _, m := range missing.Missing {
			all = append(all, report.Absence{Member: m.String(), Why: native.WhySilent, Reason: missing.LastSeen(m)})
		}
	case errors.As(err, &culprit):
		for _, m := range culprit.Culprits {
			all = append(all, report.Absence{Member: m.String(), Why: native.WhyCulprit, Reason: culprit.Check})
		}
	}
	return all
}

// made notes who has not said that they saved a group that is saved here.
func (r *run) made(group ceremony.Group, unconfirmed []protocol.Member) {
	r.known.Lock()
	defer r.known.Unlock()
	names := slices.DeleteFunc(namesIn(unconfirmed), r.isHere)
	if before, told := r.unconfirmed[group.Name]; told { // to one of the members here is told to all
		names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(before, name) })
	}
	if r.unconfirmed == nil {
		r.unconfirmed = map[string][]string{}
	}
	r.unconfirmed[group.Name] = names
}

// awaited returns who has not said that they saved a group, as long as it is
// not too late to be told.
func (r *run) awaited(group ceremony.Group) ([]string, error) {
	if left, err := r.outstanding(group); !left || err != nil {
		return nil, err
	}
	r.known.Lock()
	defer r.known.Unlock()
	return r.unconfirmed[group.Name], nil
}
