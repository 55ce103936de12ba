package cocktail

import (
	"errors"
	"slices"

	"frostkit/frost/internal/group"
)

var (
	errDecryption = errors.New("ciphertext does not decrypt")
	errScalar     = errors.New("plaintext does not begin with a scalar below the group's order")
)

// pair is a sender and a recipient with what the sender's ciphertext to the recipient depends on.
type pair struct {
	suite                        suite
	ephemeral, sender, recipient group.Element // E_i, P_i, P_j
	context                      []byte
}

// seal encrypts a share and a payload, for the sender with the secrets e_i and d_i: Round 1,
// Steps 5.2 to 5.4. The result is the ciphertext without its frame.
func (p pair) seal(ephemeral, static, share group.Scalar, payload []byte) ([]byte, error) {
	// S^e = e_i * P_j, S^d = d_i * P_j
	key, nonce := p.keyAndNonce(p.suite.ecdh(ephemeral, p.recipient), p.suite.ecdh(static, p.recipient))
	defer clear(key)
	aead, err := p.suite.aead(key)
	if err != nil {
		return nil, err
	}
	// plaintext = s_ij || payload_ij
	scalar := share.Bytes()
	defer clear(scalar)
	plaintext := make([]byte, 0, len(scalar)+len(payload))
	plaintext = append(append(plaintext, scalar...), payload...)
	defer clear(plaintext)
	// c_ij = Enc(plaintext_ij, k_ij, iv_ij)
	return aead.Seal(nil, nonce, plaintext, nil), nil
}

// open decrypts a ciphertext, for the recipient with the secret d_i: Round 2, Steps 3.1 to 3.3.
func (p pair) open(static group.Scalar, ciphertext []byte) (share group.Scalar, payload []byte, err error) {
	opening := p.opening(static)
	defer clear(opening)
	return openWith(p.suite, opening, ciphertext)
}

// openingSize is the length of what opens one ciphertext, in bytes.
const openingSize = keySize + nonceSize

// opening returns what opens the pair's one ciphertext, for the recipient: k_ji || iv_ji.
func (p pair) opening(static group.Scalar) []byte {
	// S^e = d_i * E_j, S^d = d_i * P_j
	key, nonce := p.keyAndNonce(p.suite.ecdh(static, p.ephemeral), p.suite.ecdh(static, p.sender))
	defer clear(key)
	return slices.Concat(key, nonce)
}

// openWith decrypts a ciphertext with its key and nonce.
func openWith(s suite, opening, ciphertext []byte) (share group.Scalar, payload []byte, err error) {
	aead, err := s.aead(opening[:keySize])
	if err != nil {
		return nil, nil, err
	}
	// plaintext_ji = Dec(c_ji, k_ji, iv_ji)
	plaintext, err := aead.Open(nil, opening[keySize:], ciphertext, nil)
	if err != nil {
		return nil, nil, errDecryption
	}
	defer clear(plaintext)
	size := s.Group().ScalarSize()
	if len(plaintext) < size {
		return nil, nil, errScalar
	}
	share, err = s.Group().DecodeScalar(plaintext[:size])
	if err != nil {
		return nil, nil, errScalar
	}
	return share, append([]byte(nil), plaintext[size:]...), nil
}

// keyAndNonce derives both of S^e and S^d, which it wipes.
func (p pair) keyAndNonce(ephemeral, static []byte) (key, nonce []byte) {
	x := append(append(make([]byte, 0, len(ephemeral)+len(static)), ephemeral...), static...)
	defer clear(x)
	defer clear(ephemeral)
	defer clear(static)
	return p.suite.deriveKeyAndNonce(x, p.ephemeral.Encoding(), p.sender.Encoding(), p.recipient.Encoding(), p.context)
}
