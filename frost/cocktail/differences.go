package cocktail

import (
	"bytes"
	"fmt"

	"frostkit/frost"
	"frostkit/frost/internal/group"
)

// Difference is one thing in which two transcripts differ.
type Difference struct {
	// Member is whose part differs, the zero value for what all share.
	Member frost.Identifier
	// Field says what differs: "members", "threshold", "context", "extension", "commitment",
	// "proof of possession" or "ephemeral key".
	Field string
	// Equivocation says that the member signed both: the two proofs of possession, both of which
	// verify, are by one key over different commitments or ephemeral keys. Nobody
	// else could have made them. Without it, a coordinator may have changed the message.
	Equivocation bool
}

// String names the field and the member.
func (d Difference) String() string {
	switch {
	case d.Member.IsZero():
		return d.Field + " differs"
	case d.Equivocation:
		return fmt.Sprintf("participant %s sent different messages: %s differs", d.Member, d.Field)
	}
	return fmt.Sprintf("%s of participant %s differs", d.Field, d.Member)
}

// Differences says in what two transcripts differ, for members whose signatures do not verify on each
// other's ("Resolving Disputes and Coordinator Malice"): a split view, or different
// extensions. If both signatures verify, each on its own transcript, the difference is
// proof of it. Transcripts of different members are not compared further.
func (t *Transcript) Differences(other *Transcript) []Difference {
	a, b := t.setup, other.setup
	if a.suite != b.suite || !bytes.Equal(appendElements(nil, a.keys), appendElements(nil, b.keys)) {
		return []Difference{{Field: "members"}}
	}
	var differences []Difference
	add := func(different bool, d Difference) {
		if different {
			differences = append(differences, d)
		}
	}
	add(a.threshold != b.threshold, Difference{Field: "threshold"})
	add(!bytes.Equal(a.context, b.context), Difference{Field: "context"})
	add(!bytes.Equal(t.extension, other.extension), Difference{Field: "extension"})
	for j, id := range a.ids {
		x, y := t.all[j], other.all[j]
		both := bytes.Equal(a.context, b.context) && equivocates(a, x, y)
		add(!bytes.Equal(appendElements(nil, x.commitment), appendElements(nil, y.commitment)), Difference{id, "commitment", both})
		add(!x.pop.Equal(y.pop), Difference{id, "proof of possession", both})
		add(!x.ephemeral.Equal(y.ephemeral), Difference{id, "ephemeral key", both})
	}
	return differences
}

// equivocates reports whether two contributions to one session prove possession of the same key, for
// different messages.
func equivocates(s *Setup, x, y contribution) bool {
	same := func(a, b group.Element) bool { return a.Equal(b) }
	return same(x.commitment[0], y.commitment[0]) &&
		!bytes.Equal(x.proofMessage(s.context), y.proofMessage(s.context)) &&
		x.proof(s.context).verifies() && y.proof(s.context).verifies()
}
