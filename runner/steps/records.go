package steps

import (
	"bytes"
	"context"

	"frostkit/keyring"
	"frostkit/runner/protocol/native"
)

// Records keep what a member stores of one key generation.
type Records interface {
	// Load returns the records, oldest first.
	Load() ([]native.Record, error)
	// Store keeps a record instead of the one of the same attempt; it has synced it
	// when it returns.
	Store(native.Record) error
	// Remove forgets all records.
	Remove() error
}

// KeyringRecords are records beside a credentials file, for one step of a ceremony. They are stored
// even when ctx has ended: what was begun to be stored is stored.
func KeyringRecords(ctx context.Context, credentials keyring.File, agreed native.Agreement) Records {
	return keyringRecords{context.WithoutCancel(ctx), credentials, agreed.Digest[:], agreed.Step}
}

type keyringRecords struct {
	ctx         context.Context
	credentials keyring.File
	ceremony    []byte
	step        string
}

func (k keyringRecords) Load() ([]native.Record, error) {
	all, err := k.credentials.Records()
	if err != nil {
		return nil, err
	}
	var records []native.Record
	for _, r := range all {
		if bytes.Equal(r.Ceremony, k.ceremony) && r.Step == k.step {
			records = append(records, native.Record{
				Attempt: native.AttemptID(r.Attempt), Transcript: r.Transcript, Bundle: r.Bundle, Share: r.Share, Signatures: r.Signatures,
			})
		}
	}
	return records, nil
}

func (k keyringRecords) Store(r native.Record) error {
	defer clear(r.Share)
	return k.credentials.StoreRecord(k.ctx, keyring.Record{
		Ceremony: k.ceremony, Step: k.step, Attempt: r.Attempt[:],
		Transcript: r.Transcript, Bundle: r.Bundle, Share: r.Share, Signatures: r.Signatures,
	})
}

func (k keyringRecords) Remove() error {
	return k.credentials.RemoveRecords(k.ctx, k.ceremony, k.step)
}
