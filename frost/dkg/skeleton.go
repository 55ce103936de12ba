// Package dkg implements the distributed key generation of FROST.
package dkg

import (
	"errors"
	"io"

	"frostkit/frost"
)

var ErrRoundSpent = errors.New("round is spent")

type Config struct {
	Ciphersuite  frost.Ciphersuite
	Identifier   frost.Identifier
	Participants []frost.Identifier
	Threshold    int
	Random       io.Reader
}

type (
	Round1        struct{ _ int }
	Round2        struct{ _ int }
	Round1Package struct{ _ int }
	Round2Package struct{ _ int }
)

func New(config Config) (*Round1, error)                                             { panic("soon") }
func (r *Round1) Package() *Round1Package                                            { panic("soon") }
func (r *Round1) Next(packages map[frost.Identifier]*Round1Package) (*Round2, error) { panic("soon") }
func (r *Round1) Destroy()                                                           { panic("soon") }
func (r *Round2) Packages() map[frost.Identifier]*Round2Package                      { panic("soon") }
func (r *Round2) Next(packages map[frost.Identifier]*Round2Package) (*frost.KeyPackage, *frost.PublicKeyPackage, error) {
	panic("soon")
}
func (r *Round2) Destroy() { panic("soon") }

func (p *Round1Package) EncodeJSON() []byte                                          { panic("soon") }
func (p *Round1Package) EncodePostcard() []byte                                      { panic("soon") }
func (p *Round1Package) MarshalJSON() ([]byte, error)                                { panic("soon") }
func (p *Round1Package) Equal(other *Round1Package) bool                             { panic("soon") }
func DecodeRound1PackageJSON(cs frost.Ciphersuite, b []byte) (*Round1Package, error) { panic("soon") }
func DecodeRound1PackagePostcard(cs frost.Ciphersuite, b []byte) (*Round1Package, error) {
	panic("soon")
}

func (p *Round2Package) EncodeSecretJSON() []byte                                    { panic("soon") }
func (p *Round2Package) EncodeSecretPostcard() []byte                                { panic("soon") }
func (p *Round2Package) Equal(other *Round2Package) bool                             { panic("soon") }
func (p *Round2Package) Destroy()                                                    { panic("soon") }
func DecodeRound2PackageJSON(cs frost.Ciphersuite, b []byte) (*Round2Package, error) { panic("soon") }
func DecodeRound2PackagePostcard(cs frost.Ciphersuite, b []byte) (*Round2Package, error) {
	panic("soon")
}
