package frost

import "frostkit/frost/internal/group"

// AssemblePublicKeys makes the public half of [AssembleKeys], for those who have no share:
// from the normalized commitment to the group's polynomial and all participants.
func AssemblePublicKeys(cs Ciphersuite, commitment []group.Element, ids []Identifier) (*PublicKeyPackage, error) {
	ids, err := CheckGroup(cs, ids, len(commitment))
	if err != nil {
		return nil, err
	}
	public := newPublicKeyPackage(cs, commitment, ids)
	if err := public.refuseIdentity(); err != nil {
		return nil, err
	}
	return public, nil
}
