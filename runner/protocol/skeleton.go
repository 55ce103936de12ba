package protocol

import (
	"context"
	"io"

	"frostkit/commkey"
	"frostkit/frost"
)

type DKGConfig struct {
	Ciphersuite frost.Ciphersuite
	Threshold   int
	Self        commkey.PublicKey
	Members     []Member
	Random      io.Reader
	Progress    func(Event)
	Save        func(*frost.KeyPackage, *frost.PublicKeyPackage) error
}

type DKGResult struct {
	KeyPackage       *frost.KeyPackage
	PublicKeyPackage *frost.PublicKeyPackage
}

func DKG(ctx context.Context, t Transport, cfg DKGConfig) (*DKGResult, error) { panic("soon") }

type CoordinateConfig struct {
	PublicKeyPackage *frost.PublicKeyPackage
	Signers          []Member
	Messages         [][]byte
	Progress         func(Event)
}

func Coordinate(ctx context.Context, t Transport, cfg CoordinateConfig) ([]frost.Signature, error) {
	panic("soon")
}

type Review struct {
	VerifyingKey frost.VerifyingKey
	Messages     [][]byte
	Aux          []byte
	Signers      []Member
	Coordinator  Member
}

type ParticipateConfig struct {
	KeyPackage   *frost.KeyPackage
	Members      []Member // of the group; the coordinator included
	Coordinator  commkey.PublicKey
	MessageCount int // 0 means 1
	Random       io.Reader
	Approve      func(context.Context, Review) error
	Progress     func(Event)
}

func Participate(ctx context.Context, t Transport, cfg ParticipateConfig) error { panic("soon") }

func Seal(t Transport, self *commkey.PrivateKey, peers []commkey.PublicKey, coordinator commkey.PublicKey) Transport {
	panic("soon")
}
