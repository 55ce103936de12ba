package byhand

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"frostkit/frost"
	"frostkit/internal/durable"
)

// Coordinator configures [Coordinate].
type Coordinator struct {
	Ciphersuite      frost.Ciphersuite
	Interactive      bool   // people carry the packages; otherwise signers connect to Address
	Address          string // host:port to listen on
	Signers          int    // 0: ask
	PublicKeyPackage string // file
	Message          string // file; "" or "-": asked for in hexadecimal
	Signature        string // file to write; "" or "-": print
	// Listening is told the address once signers can connect. Nil is nobody.
	Listening func(address string)
}

// rounds is how a coordinator reaches its signers.
type rounds interface {
	commitments(ctx context.Context, public *frost.PublicKeyPackage, count int) (map[frost.Identifier]*frost.SigningCommitments, error)
	shares(ctx context.Context, pkg *frost.SigningPackage, public *frost.PublicKeyPackage) (map[frost.Identifier]*frost.SignatureShare, error)
}

// Coordinate collects a signature. It verifies it before it is written.
func Coordinate(ctx context.Context, c *Console, config Coordinator) error {
	if config.Signers == 0 {
		var err error
		if config.Signers, err = c.number(ctx, "The number of participants: ", 1); err != nil {
			return err
		}
	}
	public, err := config.publicKeyPackage(ctx, c)
	if err != nil {
		return err
	}
	message, err := config.message(ctx, c)
	if err != nil {
		return err
	}
	var how rounds = &paper{c, config.Ciphersuite}
	if !config.Interactive {
		server, err := listen(ctx, c, config)
		if err != nil {
			return err
		}
		defer server.close()
		how = server
	}
	signature, err := collect(ctx, config, how, public, message)
	if err != nil {
		return err
	}
	return config.write(c, signature)
}

// errOnceMore is why signers have to begin again: one has gone whose commitments are in the package.
var errOnceMore = errors.New("a signer has gone")

func collect(ctx context.Context, config Coordinator, how rounds, public *frost.PublicKeyPackage, message []byte) (frost.Signature, error) {
	for {
		commitments, err := how.commitments(ctx, public, config.Signers)
		if err != nil {
			return frost.Signature{}, err
		}
		pkg, err := frost.NewSigningPackage(config.Ciphersuite, commitments, message)
		if err != nil {
			return frost.Signature{}, err
		}
		shares, err := how.shares(ctx, pkg, public)
		if errors.Is(err, errOnceMore) {
			continue
		}
		if err != nil {
			return frost.Signature{}, err
		}
		signature, err := frost.Aggregate(pkg, shares, public)
		return signature, suspectPackage(err, len(shares))
	}
}

// ErrOtherGroup is what [Coordinate] fails with when the share of no signer belongs to the public key
// package.
var ErrOtherGroup = errors.New("the public key package is that of another group than the signers', or all of them sent wrong shares")

// suspectPackage blames nobody where everybody would be to blame.
func suspectPackage(err error, signers int) error {
	var blame *frost.BlameError
	if errors.As(err, &blame) && len(blame.Culprits) == signers {
		return ErrOtherGroup
	}
	return err
}

func (config *Coordinator) publicKeyPackage(ctx context.Context, c *Console) (*frost.PublicKeyPackage, error) {
	data, err := c.read(ctx, "public key package", config.PublicKeyPackage)
	if err != nil {
		return nil, err
	}
	public, err := frost.DecodePublicKeyPackageJSON(config.Ciphersuite, data)
	if err != nil {
		return nil, fmt.Errorf("reading the public key package: %w", err)
	}
	return public, nil
}

func (config *Coordinator) message(ctx context.Context, c *Console) ([]byte, error) {
	if config.Message != "" && config.Message != "-" {
		c.log("Reading message from %s...", config.Message)
		return os.ReadFile(config.Message)
	}
	text, err := c.ask(ctx, "The message to be signed (hex encoded)")
	if err != nil {
		return nil, err
	}
	message, err := hex.DecodeString(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the message %q is not hexadecimal", text)
	case len(message) == 0:
		return nil, errors.New("the message is empty; pass a file with -m, and an empty one is signed as well")
	case !config.Interactive && len(bytes.TrimSpace(c.In.Pending())) > 0: // otherwise it answers what is asked next
		return nil, errors.New("more follows the line that is the message; pass a file with -m, or all of it in one line")
	}
	return message, nil
}

func (config *Coordinator) write(c *Console, signature frost.Signature) error {
	if config.Signature == "" || config.Signature == "-" {
		return Print(c.Out, "Signature:\n", signature)
	}
	if _, err := os.Stat(config.Signature); err == nil {
		c.log("Replacing %s", config.Signature)
	}
	if err := durable.WriteFile(config.Signature, signature.Bytes(), 0o644); err != nil {
		return fmt.Errorf("writing the signature: %w", err)
	}
	c.log("Raw signature written to %s", config.Signature)
	return nil
}

// paper carries packages by hand.
type paper struct {
	*Console
	cs frost.Ciphersuite
}

func (p *paper) commitments(ctx context.Context, public *frost.PublicKeyPackage, count int) (map[frost.Identifier]*frost.SigningCommitments, error) {
	all := map[frost.Identifier]*frost.SigningCommitments{}
	isNew := func(id frost.Identifier) error { return isNewSigner(public, all, id) }
	for i := range count {
		id, err := p.identifier(ctx, p.cs, fmt.Sprintf("Identifier for participant %d (hex encoded): ", i+1), isNew)
		if err != nil {
			return nil, err
		}
		question := fmt.Sprintf("Please enter JSON encoded commitments for participant %s:", id)
		all[id], err = pasted(ctx, p.Console, "the commitments of "+id.String(), question, func(data []byte) (*frost.SigningCommitments, error) {
			return frost.DecodeSigningCommitmentsJSON(p.cs, data)
		})
		if err != nil {
			return nil, err
		}
	}
	p.say("Selected participants: ")
	for _, id := range sorted(all) {
		p.say("%s", quoted(id))
	}
	return all, nil
}

// isNewSigner checks that the identifier is in the group and not there yet.
func isNewSigner[T any](public *frost.PublicKeyPackage, have map[frost.Identifier]T, id frost.Identifier) error {
	if _, member := public.VerifyingShare(id); !member {
		return fmt.Errorf("%s is not in the group", id)
	}
	if _, twice := have[id]; twice {
		return fmt.Errorf("%s is a signer already", id)
	}
	return nil
}

func (p *paper) shares(ctx context.Context, pkg *frost.SigningPackage, _ *frost.PublicKeyPackage) (map[frost.Identifier]*frost.SignatureShare, error) {
	p.say("Signing Package:\n%s", pkg.EncodeJSON())
	all := map[frost.Identifier]*frost.SignatureShare{}
	for _, id := range pkg.Identifiers() {
		question := fmt.Sprintf("Please enter JSON encoded signature shares for participant %s:", id)
		var err error
		all[id], err = pasted(ctx, p.Console, "the signature share of "+id.String(), question, func(data []byte) (*frost.SignatureShare, error) {
			return frost.DecodeSignatureShareJSON(p.cs, data)
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Participant configures [Participate].
type Participant struct {
	Ciphersuite frost.Ciphersuite
	Random      io.Reader
	Interactive bool   // people carry the packages; otherwise connect to Address
	Address     string // host:port of the coordinator
	KeyPackage  string // file
	// Show prints what is to be signed, after the message in hexadecimal and
	// before the question. Nil prints nothing more.
	Show func(message []byte)
}

// ErrDeclined is what [Participate] fails with when the answer is not yes.
var ErrDeclined = errors.New("signing cancelled")

// Participate signs one message, after asking.
func Participate(ctx context.Context, c *Console, config Participant) error {
	data, err := c.read(ctx, "key package", config.KeyPackage)
	if err != nil {
		return err
	}
	defer clear(data)
	key, err := LoadKey(config.Ciphersuite, data)
	if err != nil {
		return err
	}
	defer key.Destroy()
	signer, err := frost.NewSigner(config.Random, key)
	if err != nil {
		return err
	}
	defer signer.Destroy()
	if config.Interactive {
		err = config.byPaper(ctx, c, signer)
	} else {
		err = config.bySocket(ctx, c, signer)
	}
	if err == nil {
		c.say("Done")
	}
	return err
}

func (config *Participant) byPaper(ctx context.Context, c *Console, signer *frost.Signer) error {
	c.say("=== Round 1 ===\nSigningNonces were generated and stored in memory\nSigningCommitments:\n%s", signer.Commitments().EncodeJSON())
	c.say("=== Round 1 Completed ===\nPlease send your SigningCommitments to the coordinator")
	pkg, err := pasted(ctx, c, "the signing package", "Enter the JSON-encoded SigningPackage:", func(data []byte) (*frost.SigningPackage, error) {
		return frost.DecodeSigningPackageJSON(config.Ciphersuite, data)
	})
	if err != nil {
		return err
	}
	share, err := config.sign(ctx, c, signer, pkg)
	if err != nil {
		return err
	}
	c.say("Please send the following to the Coordinator\nSignatureShare:\n%s", share.EncodeJSON())
	return nil
}

// sign shows the message, asks, and signs just that.
func (config *Participant) sign(ctx context.Context, c *Console, signer *frost.Signer, pkg *frost.SigningPackage) (*frost.SignatureShare, error) {
	if err := config.consent(ctx, c, pkg); err != nil {
		return nil, err
	}
	return signer.Sign(pkg)
}

// consent shows the message and asks.
func (config *Participant) consent(ctx context.Context, c *Console, pkg *frost.SigningPackage) error {
	c.say("Message to be signed (hex-encoded):\n%x", pkg.Message())
	if config.Show != nil {
		config.Show(pkg.Message())
	}
	answer, err := c.ask(ctx, "Do you want to sign it? (y/n)")
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil || strings.ToLower(answer) != "y":
		return errors.Join(ErrDeclined, err)
	}
	return nil
}
