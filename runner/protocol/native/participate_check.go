package native

import (
	"bytes"
	"fmt"
	"slices"

	"frostkit/frost"
)

// compare holds a proposal against what this member came for.
func (p *participation) compare(x proposal) error {
	var all []Difference
	add := func(field, theirs, ours string) {
		if theirs != ours {
			all = append(all, Difference{field, []Value{{p.coordinator, theirs}, {named(p.cfg.Members, p.self), ours}}})
		}
	}
	add("protocol version", fmt.Sprint(x.version), fmt.Sprint(Version))
	if len(all) == 0 {
		add("step", fmt.Sprintf("%q", x.step), fmt.Sprintf("%q", p.cfg.Step))
		add("ceremony file", fmt.Sprintf("digest %x", x.digest[:8]), fmt.Sprintf("digest %x", p.cfg.Digest[:8]))
		add("group", fmt.Sprintf("%x", x.group), p.cfg.VerifyingKey.String())
		for _, kind := range unknownTo(p.cfg.Extensions, x.extensions) {
			add(extensionField(kind), standing(x.extensions, kind), standing(p.cfg.Extensions, kind))
		}
	}
	if all == nil {
		return nil
	}
	return &AgreementError{all}
}

// checkCandidates looks at who is to sign: members of the group in the order of their identifiers, this
// one among them, and so many that a signature can come of it.
func (p *participation) checkCandidates(x proposal) error {
	var all []frost.Identifier
	for _, encoded := range x.candidates {
		id, err := frost.DecodeIdentifier(p.cfg.KeyPackage.Ciphersuite(), encoded)
		if err != nil || len(all) > 0 && all[len(all)-1].Compare(id) >= 0 {
			return p.misbehaved("sent a proposal whose candidates do not decode, or are not in order")
		}
		m := named(p.cfg.Members, id)
		if m.Key.IsZero() {
			return p.misbehaved(fmt.Sprintf("sent a proposal with the candidate %s, who is not in the group", id))
		}
		all, p.candidates = append(all, id), append(p.candidates, m)
	}
	need := int(x.need)
	switch {
	case !slices.Contains(all, p.self):
		return p.misbehaved("sent a proposal without this member")
	case need > len(all) || need < p.cfg.KeyPackage.MinSigners():
		return p.misbehaved(fmt.Sprintf("asks for %d signatures of %d candidates, the threshold is %d", need, len(all), p.cfg.KeyPackage.MinSigners()))
	}
	return nil
}

// checkPackage holds a package against the group and one's own commitments: "each participant MUST
// ensure that its identifier and commitments (from the first round) appear in commitment_list" (RFC 9591,
// Section 5.2). The messages are those that were approved: the package has none.
func (p *participation) checkPackage(body []byte) ([]*frost.SigningPackage, error) {
	suite := p.cfg.KeyPackage.Ciphersuite()
	list, err := decodeChosen(suite, body, len(p.signers))
	if err != nil {
		return nil, p.misbehaved(fmt.Sprintf("sent a package that does not decode: %v", err))
	}
	p.signing = nil
	for _, id := range sortedIDs(list) {
		m := named(p.candidates, id)
		if m.Key.IsZero() {
			return nil, p.misbehaved(fmt.Sprintf("sent a package with the signer %s, who is no candidate", id))
		}
		p.signing = append(p.signing, m)
	}
	if need := int(p.proposal.need); len(list) != need {
		return nil, p.misbehaved(fmt.Sprintf("sent a package with %d signers, and proposed %d", len(list), need))
	}
	own, listed := list[p.self]
	if !listed {
		return nil, p.misbehaved("sent a package without this member")
	}
	for i, signer := range p.signers {
		if !bytes.Equal(own[i], signer.Commitments().EncodePostcard()) {
			return nil, p.misbehaved("sent a package with other commitments than this member's")
		}
	}
	packages, err := list.packages(suite, p.proposal.messages)
	if err != nil {
		return nil, p.misbehaved(fmt.Sprintf("sent a package that does not decode: %v", err))
	}
	return packages, nil
}
