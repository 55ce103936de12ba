package frost

import (
	"frostkit/frost/internal/group"
	"frostkit/frost/internal/wire"
)

// SignatureShare is what a signer answers to a [SigningPackage] (RFC 9591,
// Section 5.2): a scalar.
type SignatureShare struct {
	suite Ciphersuite
	share group.Scalar
}

// Ciphersuite returns the suite.
func (s *SignatureShare) Ciphersuite() Ciphersuite { return s.suite }

// Equal reports whether both are the same share of the same suite.
func (s *SignatureShare) Equal(other *SignatureShare) bool {
	return s.suite == other.suite && s.share.Equal(other.share)
}

func (s *SignatureShare) fields() []wire.Field {
	return []wire.Field{wire.Header(), wire.Scalar("share", &s.share)}
}

// EncodeJSON returns the share as JSON {header, share}.
func (s *SignatureShare) EncodeJSON() []byte { return wire.EncodeJSON(s.suite, s.fields()) }

// EncodePostcard returns the share in postcard, which is the bare scalar, for
// ed25519 32 bytes.
func (s *SignatureShare) EncodePostcard() []byte { return s.share.Bytes() }

// MarshalJSON returns what [SignatureShare.EncodeJSON] does.
func (s *SignatureShare) MarshalJSON() ([]byte, error) { return s.EncodeJSON(), nil }

// DecodeSignatureShareJSON reads what [SignatureShare.EncodeJSON] writes.
func DecodeSignatureShareJSON(cs Ciphersuite, b []byte) (*SignatureShare, error) {
	s := &SignatureShare{suite: cs}
	if err := wire.DecodeScalarJSON(cs, b, "share", &s.share); err != nil {
		return nil, wrap("decoding a signature share", err)
	}
	return s, nil
}

// DecodeSignatureSharePostcard reads what [SignatureShare.EncodePostcard]
// writes.
func DecodeSignatureSharePostcard(cs Ciphersuite, b []byte) (*SignatureShare, error) {
	share, err := cs.Group().DecodeScalar(b)
	if err != nil {
		return nil, wrap("decoding a signature share", err)
	}
	return &SignatureShare{suite: cs, share: share}, nil
}
