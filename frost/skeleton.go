// Package frost implements FROST threshold signatures, RFC 9591.
package frost

import (
	"errors"
	"io"

	"frostkit/frost/internal/group"
)

// Ciphersuite is a FROST ciphersuite (RFC 9591, Section 6).
type Ciphersuite interface {
	ID() string
	Name() string
	Group() group.Group
}

var (
	ErrNoncesSpent      = errors.New("nonces are spent")
	ErrInvalidSignature = errors.New("signature does not verify")
)

type BlameError struct {
	Culprits []Identifier
	Check    string
	Err      error
}

func (e *BlameError) Error() string { return e.Check }
func (e *BlameError) Unwrap() error { return e.Err }

func Ed25519() Ciphersuite                               { panic("soon") }
func CiphersuiteByID(id string) (Ciphersuite, error)     { panic("soon") }
func CiphersuiteByName(name string) (Ciphersuite, error) { panic("soon") }

type Identifier struct {
	suite Ciphersuite
	bytes string
}

func NewIdentifier(cs Ciphersuite, n uint16) (Identifier, error)         { panic("soon") }
func DeriveIdentifier(cs Ciphersuite, s []byte) (Identifier, error)      { panic("soon") }
func DecodeIdentifier(cs Ciphersuite, b []byte) (Identifier, error)      { panic("soon") }
func ParseIdentifier(cs Ciphersuite, hexText string) (Identifier, error) { panic("soon") }
func (id Identifier) Compare(other Identifier) int                       { panic("soon") }
func (id Identifier) Bytes() []byte                                      { panic("soon") }
func (id Identifier) String() string                                     { panic("soon") }
func (id Identifier) IsZero() bool                                       { panic("soon") }
func (id Identifier) MarshalText() ([]byte, error)                       { panic("soon") }

type VerifyingKey struct{ suite Ciphersuite }

func DecodeVerifyingKey(cs Ciphersuite, b []byte) (VerifyingKey, error)      { panic("soon") }
func ParseVerifyingKey(cs Ciphersuite, hexText string) (VerifyingKey, error) { panic("soon") }
func (k VerifyingKey) Bytes() []byte                                         { panic("soon") }
func (k VerifyingKey) String() string                                        { panic("soon") }
func (k VerifyingKey) Equal(other VerifyingKey) bool                         { panic("soon") }
func (k VerifyingKey) Ciphersuite() Ciphersuite                              { panic("soon") }
func (k VerifyingKey) Verify(message []byte, sig Signature) error            { panic("soon") }

type VerifyingShare struct{ suite Ciphersuite }

func (s VerifyingShare) Bytes() []byte  { panic("soon") }
func (s VerifyingShare) String() string { panic("soon") }

type Signature struct{ suite Ciphersuite }

func DecodeSignature(cs Ciphersuite, b []byte) (Signature, error) { panic("soon") }
func (s Signature) Bytes() []byte                                 { panic("soon") }
func (s Signature) String() string                                { panic("soon") }

type PublicKeyPackage struct{ suite Ciphersuite }

func (p *PublicKeyPackage) Ciphersuite() Ciphersuite                                 { panic("soon") }
func (p *PublicKeyPackage) VerifyingKey() VerifyingKey                               { panic("soon") }
func (p *PublicKeyPackage) Identifiers() []Identifier                                { panic("soon") }
func (p *PublicKeyPackage) VerifyingShare(id Identifier) (VerifyingShare, bool)      { panic("soon") }
func (p *PublicKeyPackage) MinSigners() (int, bool)                                  { panic("soon") }
func (p *PublicKeyPackage) EncodeJSON() []byte                                       { panic("soon") }
func (p *PublicKeyPackage) EncodePostcard() []byte                                   { panic("soon") }
func (p *PublicKeyPackage) MarshalJSON() ([]byte, error)                             { panic("soon") }
func (p *PublicKeyPackage) Equal(other *PublicKeyPackage) bool                       { panic("soon") }
func DecodePublicKeyPackageJSON(cs Ciphersuite, b []byte) (*PublicKeyPackage, error) { panic("soon") }
func DecodePublicKeyPackagePostcard(cs Ciphersuite, b []byte) (*PublicKeyPackage, error) {
	panic("soon")
}

type KeyPackage struct{ suite Ciphersuite }

func (k *KeyPackage) Ciphersuite() Ciphersuite                               { panic("soon") }
func (k *KeyPackage) Identifier() Identifier                                 { panic("soon") }
func (k *KeyPackage) VerifyingShare() VerifyingShare                         { panic("soon") }
func (k *KeyPackage) VerifyingKey() VerifyingKey                             { panic("soon") }
func (k *KeyPackage) MinSigners() int                                        { panic("soon") }
func (k *KeyPackage) EncodeSecretJSON() []byte                               { panic("soon") }
func (k *KeyPackage) EncodeSecretPostcard() []byte                           { panic("soon") }
func (k *KeyPackage) Check() error                                           { panic("soon") }
func (k *KeyPackage) Destroy()                                               { panic("soon") }
func DecodeKeyPackageJSON(cs Ciphersuite, b []byte) (*KeyPackage, error)     { panic("soon") }
func DecodeKeyPackagePostcard(cs Ciphersuite, b []byte) (*KeyPackage, error) { panic("soon") }

type SecretShare struct{ suite Ciphersuite }

func (s *SecretShare) Ciphersuite() Ciphersuite                                { panic("soon") }
func (s *SecretShare) Identifier() Identifier                                  { panic("soon") }
func (s *SecretShare) EncodeSecretJSON() []byte                                { panic("soon") }
func (s *SecretShare) EncodeSecretPostcard() []byte                            { panic("soon") }
func (s *SecretShare) KeyPackage() (*KeyPackage, error)                        { panic("soon") }
func (s *SecretShare) Destroy()                                                { panic("soon") }
func DecodeSecretShareJSON(cs Ciphersuite, b []byte) (*SecretShare, error)     { panic("soon") }
func DecodeSecretSharePostcard(cs Ciphersuite, b []byte) (*SecretShare, error) { panic("soon") }

type SigningKey struct{ suite Ciphersuite }

func GenerateSigningKey(random io.Reader, cs Ciphersuite) (*SigningKey, error) { panic("soon") }
func DecodeSigningKey(cs Ciphersuite, b []byte) (*SigningKey, error)           { panic("soon") }
func (k *SigningKey) VerifyingKey() VerifyingKey                               { panic("soon") }
func (k *SigningKey) Sign(random io.Reader, message []byte) (Signature, error) { panic("soon") }
func (k *SigningKey) SecretBytes() []byte                                      { panic("soon") }
func (k *SigningKey) Destroy()                                                 { panic("soon") }

func TrustedDealer(random io.Reader, cs Ciphersuite, ids []Identifier, threshold int) (map[Identifier]*SecretShare, *PublicKeyPackage, error) {
	panic("soon")
}
func Split(random io.Reader, key *SigningKey, ids []Identifier, threshold int) (map[Identifier]*SecretShare, *PublicKeyPackage, error) {
	panic("soon")
}

type Signer struct{ suite Ciphersuite }

func NewSigner(random io.Reader, key *KeyPackage) (*Signer, error)  { panic("soon") }
func (s *Signer) Commitments() *SigningCommitments                  { panic("soon") }
func (s *Signer) Sign(pkg *SigningPackage) (*SignatureShare, error) { panic("soon") }
func (s *Signer) Destroy()                                          { panic("soon") }

type SigningCommitments struct{ suite Ciphersuite }

func (c *SigningCommitments) EncodeJSON() []byte                   { panic("soon") }
func (c *SigningCommitments) EncodePostcard() []byte               { panic("soon") }
func (c *SigningCommitments) MarshalJSON() ([]byte, error)         { panic("soon") }
func (c *SigningCommitments) Equal(other *SigningCommitments) bool { panic("soon") }
func DecodeSigningCommitmentsJSON(cs Ciphersuite, b []byte) (*SigningCommitments, error) {
	panic("soon")
}
func DecodeSigningCommitmentsPostcard(cs Ciphersuite, b []byte) (*SigningCommitments, error) {
	panic("soon")
}

type SignatureShare struct{ suite Ciphersuite }

func (s *SignatureShare) EncodeJSON() []byte                                         { panic("soon") }
func (s *SignatureShare) EncodePostcard() []byte                                     { panic("soon") }
func (s *SignatureShare) MarshalJSON() ([]byte, error)                               { panic("soon") }
func (s *SignatureShare) Equal(other *SignatureShare) bool                           { panic("soon") }
func DecodeSignatureShareJSON(cs Ciphersuite, b []byte) (*SignatureShare, error)     { panic("soon") }
func DecodeSignatureSharePostcard(cs Ciphersuite, b []byte) (*SignatureShare, error) { panic("soon") }

type SigningPackage struct{ suite Ciphersuite }

func NewSigningPackage(cs Ciphersuite, commitments map[Identifier]*SigningCommitments, message []byte) (*SigningPackage, error) {
	panic("soon")
}
func (p *SigningPackage) Message() []byte                                            { panic("soon") }
func (p *SigningPackage) Identifiers() []Identifier                                  { panic("soon") }
func (p *SigningPackage) Commitments(id Identifier) (*SigningCommitments, bool)      { panic("soon") }
func (p *SigningPackage) EncodeJSON() []byte                                         { panic("soon") }
func (p *SigningPackage) EncodePostcard() []byte                                     { panic("soon") }
func (p *SigningPackage) MarshalJSON() ([]byte, error)                               { panic("soon") }
func DecodeSigningPackageJSON(cs Ciphersuite, b []byte) (*SigningPackage, error)     { panic("soon") }
func DecodeSigningPackagePostcard(cs Ciphersuite, b []byte) (*SigningPackage, error) { panic("soon") }

func Aggregate(pkg *SigningPackage, shares map[Identifier]*SignatureShare, pub *PublicKeyPackage) (Signature, error) {
	panic("soon")
}
func VerifySignatureShare(id Identifier, share *SignatureShare, pkg *SigningPackage, pub *PublicKeyPackage) error {
	panic("soon")
}
