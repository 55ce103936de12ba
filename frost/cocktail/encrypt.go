package cocktail

import (
	"errors"

	"frostkit/frost/internal/group"
)

var (
	errDecryption = errors.New("ciphertext does not decrypt")
	errScalar     = errors.New("plaintext does not begin with a scalar below the group's order")
)

// pair is a sender and a recipient with what the sender's ciphertext to the recipient depends on.
type pair struct {
	suite                        suite
	ephemeral, sender, recipient group.Element // E_i, P_i, P_j or F_j
	context                      []byte
}

// seal encrypts a share and a payload, for the sender with the secrets e_i and d_i: Round 1,
// Steps 5.2 to 5.4. The result is the ciphertext without its frame.
func (p pair) seal(ephemeral, static, share group.Scalar, payload []byte) ([]byte, error) {
	// S^e = e_i * P_j, S^d = d_i * P_j, or with F_j for P_j
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

// open decrypts a ciphertext, for the recipient with the secret d_i, or f_i: Round 2, Steps 3.1 to 3.3.
func (p pair) open(secret group.Scalar, ciphertext []byte) (share group.Scalar, payload []byte, err error) {
	// S^e = d_i * E_j, S^d = d_i * P_j
	return p.openWith(p.suite.ecdh(secret, p.ephemeral), p.suite.ecdh(secret, p.sender), ciphertext)
}

// openWith decrypts a ciphertext with its shared secrets, which it wipes.
func (p pair) openWith(ephemeral, static, ciphertext []byte) (share group.Scalar, payload []byte, err error) {
	key, nonce := p.keyAndNonce(ephemeral, static)
	defer clear(key)
	aead, err := p.suite.aead(key)
	if err != nil {
		return nil, nil, err
	}
	// plaintext_ji = Dec(c_ji, k_ji, iv_ji)
	plaintext, err := aead.Open(nil, nonce, ciphertext, nil)
	if err != nil {
		return nil, nil, errDecryption
	}
	defer clear(plaintext)
	size := p.suite.Group().ScalarSize()
	if len(plaintext) < size {
		return nil, nil, errScalar
	}
	share, err = p.suite.Group().DecodeScalar(plaintext[:size])
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
