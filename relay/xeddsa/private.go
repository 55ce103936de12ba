package xeddsa

import "frostkit/commkey"

// EdwardsPrivateKey returns the private scalar a, 32 bytes, little-endian and
// below the group order, that belongs to [EdwardsPublicKey] of the key's public
// half (section 2.3, calculate_key_pair). It takes constant time. The caller
// wipes it.
func EdwardsPrivateKey(key *commkey.PrivateKey) []byte {
	_, secret := keyPair(key)
	defer wipe(secret)
	return secret.Bytes()
}
