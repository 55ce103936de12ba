package byhand

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"frostkit/frost"
)

// Dealer configures [Deal].
type Dealer struct {
	Ciphersuite frost.Ciphersuite
	Random      io.Reader
	Interactive bool   // ask for everything and print everything
	Threshold   int    // unless Interactive
	Members     int    // unless Interactive
	Key         string // signing key to split, in hexadecimal; "": a fresh one
	// PublicKeyPackage and SecretShare are the files to write unless
	// Interactive; {} in the latter stands for a member's number. "-" prints them.
	PublicKeyPackage, SecretShare string
}

// Deal makes a group as a trusted dealer, who sees the whole key.
func Deal(ctx context.Context, c *Console, d Dealer) error {
	if err := d.ask(ctx, c); err != nil {
		return err
	}
	if err := checkSizes(d.Threshold, d.Members); err != nil {
		return err
	}
	if err := d.spare(); err != nil {
		return err
	}
	ids := make([]frost.Identifier, d.Members)
	for i := range ids {
		var err error
		if ids[i], err = frost.NewIdentifier(d.Ciphersuite, uint16(i+1)); err != nil {
			return err
		}
	}
	shares, public, err := d.deal(ids)
	if err != nil {
		return err
	}
	defer func() {
		for _, share := range shares {
			share.Destroy()
		}
	}()
	if d.Interactive {
		return d.print(c, ids, shares, public)
	}
	return d.write(c, ids, shares, public)
}

func (d *Dealer) ask(ctx context.Context, c *Console) (err error) {
	if !d.Interactive {
		if d.SecretShare != "-" && !strings.Contains(d.SecretShare, "{}") {
			return fmt.Errorf("the key packages would overwrite one another: %q has no {} for the member's number", d.SecretShare)
		}
		c.log("Generating %d shares with threshold %d...", d.Members, d.Threshold)
		return nil
	}
	if d.Threshold, err = c.number(ctx, "The minimum number of signers: (2 or more)", 2); err != nil {
		return err
	}
	if d.Members, err = c.number(ctx, "The maximum number of signers: ", 2); err != nil {
		return err
	}
	d.Key, err = c.ask(ctx, "Secret key (press enter to randomly generate a fresh one): ")
	return err
}

// ErrExists is what [Deal] fails with rather than replacing the files of another group.
var ErrExists = errors.New("it is there already")

// spare sees to it that no group's shares are replaced: they would be gone.
func (d *Dealer) spare() error {
	if d.Interactive {
		return nil
	}
	for _, path := range append([]string{d.PublicKeyPackage}, d.sharePaths()...) {
		if _, err := os.Lstat(path); path != "-" && err == nil {
			return fmt.Errorf("writing %q: %w", path, ErrExists)
		}
	}
	return nil
}

// sharePaths are the files of the members, in their order.
func (d *Dealer) sharePaths() []string {
	paths := make([]string, d.Members)
	for i := range paths {
		paths[i] = strings.ReplaceAll(d.SecretShare, "{}", strconv.Itoa(i+1))
	}
	return paths
}

// deal splits the key, or a fresh one.
func (d *Dealer) deal(ids []frost.Identifier) (map[frost.Identifier]*frost.SecretShare, *frost.PublicKeyPackage, error) {
	if d.Key == "" {
		return frost.TrustedDealer(d.Random, d.Ciphersuite, ids, d.Threshold)
	}
	secret, err := hex.DecodeString(d.Key)
	if err != nil {
		return nil, nil, errors.New("the key to split is not hexadecimal")
	}
	defer clear(secret)
	key, err := frost.DecodeSigningKey(d.Ciphersuite, secret)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the key to split: %w", err)
	}
	defer key.Destroy()
	return frost.Split(d.Random, key, ids, d.Threshold)
}

func (d *Dealer) print(c *Console, ids []frost.Identifier, shares map[frost.Identifier]*frost.SecretShare, public *frost.PublicKeyPackage) error {
	c.say("Public key package:\n%s", public.EncodeJSON())
	for _, id := range ids {
		c.say("Participant: %s\nSecret share:\n%s", id, shares[id].EncodeSecretJSON())
	}
	return nil
}

// write makes the files, those with shares for their owner's eyes alone.
func (d *Dealer) write(c *Console, ids []frost.Identifier, shares map[frost.Identifier]*frost.SecretShare, public *frost.PublicKeyPackage) error {
	if err := c.write(d.PublicKeyPackage, public.EncodeJSON(), 0o644); err != nil {
		return fmt.Errorf("writing the public key package: %w", err)
	}
	c.log("Public key package written to %s", d.PublicKeyPackage)
	paths := d.sharePaths()
	for i, id := range ids {
		path := paths[i]
		share := shares[id].EncodeSecretJSON()
		err := c.write(path, share, 0o600)
		clear(share)
		if err != nil {
			return fmt.Errorf("writing the key package: %w", err)
		}
		c.log("Key package for participant %s written to %s", id, path)
	}
	return nil
}

// LoadKey reads a member's key: a secret share as the dealer wrote it, which is
// verified, or a key package as the DKG printed it.
func LoadKey(cs frost.Ciphersuite, data []byte) (*frost.KeyPackage, error) {
	share, shareErr := frost.DecodeSecretShareJSON(cs, data)
	if shareErr == nil {
		defer share.Destroy()
		return share.KeyPackage()
	}
	key, err := frost.DecodeKeyPackageJSON(cs, data)
	if err != nil {
		return nil, fmt.Errorf("reading the key package: it is no secret share (%w) and no key package (%w)", shareErr, err)
	}
	return key, nil
}

// sorted returns the keys of a map in the order of the identifiers.
func sorted[T any](m map[frost.Identifier]T) []frost.Identifier {
	ids := make([]frost.Identifier, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, frost.Identifier.Compare)
	return ids
}
