package dkg

import (
	"fmt"

	"frostkit/frost"
)

// Among returns the round among other participants, as many as before and this
// one included: for those who learn who the others are from their round 1
// packages, which depend on nobody else's identifier. Both rounds hold the one
// polynomial, and the first to go on spends it.
func (r *Round1) Among(participants []frost.Identifier) (*Round1, error) {
	if len(participants) != len(r.ids) {
		return nil, fmt.Errorf("going on among %d participants: the key generation began for %d", len(participants), len(r.ids))
	}
	p, err := newParty(Config{Ciphersuite: r.suite, Identifier: r.id, Participants: participants, Threshold: r.threshold})
	if err != nil {
		return nil, fmt.Errorf("going on among other participants: %w", err)
	}
	return &Round1{party: p, own: r.own, cell: r.cell}, nil
}
