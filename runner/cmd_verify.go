package runner

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"frostkit/frost"
	"frostkit/keyring"
)

type verifyCommand struct {
	Message          string `short:"m" required:"" placeholder:"FILE" help:"The message that was signed; - is standard input."`
	Signature        string `short:"s" required:"" placeholder:"FILE" help:"The signature: 64 raw bytes, or the same in hexadecimal."`
	PublicKeyPackage string `short:"P" xor:"key" placeholder:"FILE" help:"Public key package as JSON."`
	Credentials      string `short:"C" xor:"key" placeholder:"FILE" help:"Credentials file with the group."`
	Key              string `xor:"key" placeholder:"KEY" help:"Verifying key: hexadecimal, PEM, or a PEM file."`
	Group            string `short:"g" placeholder:"GROUP" help:"The group in the credentials file, where there are several."`
	Ciphersuite      string `short:"c" default:"ed25519" help:"Ciphersuite (${default})."`
	Quiet            bool   `short:"q" help:"Print nothing: the exit code tells."`
	jsonFlag
}

func (c *verifyCommand) Run(e *Env) error {
	key, err := c.verifyingKey(e)
	if err != nil {
		return err
	}
	if c.Message == "-" && c.Signature == "-" {
		return failf(ExitUsage, "the message and the signature cannot both be read from standard input").hint("pass one of them as a file")
	}
	message, err := e.readSigned(c.Message, "message", maxVerified)
	if err != nil {
		return err
	}
	signature, err := c.signature(e, key.Ciphersuite())
	var failure *Failure
	switch {
	case errors.As(err, &failure):
		return err
	case err != nil:
		return c.tell(e, key, err)
	}
	if err = key.Verify(message, signature); err != nil {
		defer c.explain(e, message, func(m []byte) bool { return key.Verify(m, signature) == nil })
	}
	return c.tell(e, key, err)
}

// signature reads the signature. What cannot be one at all is bad input and no forgery;
// frost-verify does not tell the two apart.
func (c *verifyCommand) signature(e *Env, cs frost.Ciphersuite) (frost.Signature, error) {
	raw, err := e.readSigned(c.Signature, "signature", maxSignatureFile)
	if err != nil {
		return frost.Signature{}, err
	}
	b, err := signatureBytes(cs, raw)
	if err != nil && e.called != frostVerify {
		return frost.Signature{}, failf(ExitInput, "reading the signature in %q: %w", c.Signature, err)
	}
	if err != nil {
		return frost.Signature{}, err
	}
	return frost.DecodeSignature(cs, b)
}

// explain names the line ends with which the message does verify.
func (c *verifyCommand) explain(e *Env, message []byte, verifies func([]byte) bool) {
	if form := otherLineEnds(message, verifies); form != "" && !c.Quiet {
		e.say("The same text with %s does verify: its line ends were changed on the way.", form)
	}
}

// tell prints the verdict and turns it into the exit code.
func (c *verifyCommand) tell(e *Env, key frost.VerifyingKey, verdict error) error {
	switch {
	case c.Quiet:
	case c.JSON:
		if err := e.writeJSON(map[string]any{"valid": verdict == nil, "verifying_key": key.String()}); err != nil {
			return err
		}
	case verdict == nil:
		fmt.Fprintln(e.Stdout, "✅ Signature verification: PASSED")
	default:
		fmt.Fprintln(e.Stdout, "❌ Signature verification: FAILED")
	}
	if verdict != nil {
		return &Failure{Code: ExitFailed, Err: fmt.Errorf("%w: %w", errReported, verdict)}
	}
	return nil
}

// verifyingKey finds the key in the one place that the flags name, by default
// the file that test-sign writes.
func (c *verifyCommand) verifyingKey(e *Env) (frost.VerifyingKey, error) {
	cs, err := frost.CiphersuiteByName(c.Ciphersuite)
	if err != nil {
		return frost.VerifyingKey{}, c.notASuite(err)
	}
	switch {
	case c.Credentials != "":
		return c.groupKey(e)
	case c.Key != "":
		return parseVerifyingKey(cs, c.Key)
	case c.PublicKeyPackage == "":
		c.PublicKeyPackage = publicKeyPackageFile
	}
	pub, err := readPublicKeyPackage(cs, c.PublicKeyPackage)
	if named := c.PublicKeyPackage != publicKeyPackageFile; !named && errors.Is(err, fs.ErrNotExist) {
		return frost.VerifyingKey{}, failf(ExitInput, "no key to verify with: %w", err).
			hint("name it: -C FILE of credentials with the group, -P FILE of a public key package, or --key KEY")
	}
	if err != nil {
		return frost.VerifyingKey{}, err
	}
	return pub.VerifyingKey(), nil
}

// notASuite explains the ciphersuite that there is not, which may be the file that -c
// stands for elsewhere.
func (c *verifyCommand) notASuite(err error) error {
	failure := &Failure{Code: ExitUsage, Err: err}
	if _, err := os.Stat(c.Ciphersuite); err == nil {
		return failure.hint("-c is the ciphersuite here; credentials are given with -C %s", c.Ciphersuite)
	}
	return failure
}

func (c *verifyCommand) groupKey(e *Env) (frost.VerifyingKey, error) {
	k, err := (&configFlag{Config: c.Credentials}).load(e)
	if err != nil {
		return frost.VerifyingKey{}, err
	}
	defer k.Destroy()
	group, err := oneGroup(k, c.Group)
	if err != nil {
		return frost.VerifyingKey{}, err
	}
	pub, err := group.PublicKeyPackage()
	if err != nil {
		return frost.VerifyingKey{}, err
	}
	return pub.VerifyingKey(), nil
}

// oneGroup finds the group that is meant; with no name the keyring must hold
// exactly one.
func oneGroup(k *keyring.Keyring, name string) (*keyring.Group, error) {
	if name != "" {
		return k.FindGroup(name)
	}
	groups := k.Groups()
	if len(groups) == 1 {
		return groups[0], nil
	}
	if len(groups) == 0 {
		return nil, failf(ExitInput, "no group in %q", k.Path())
	}
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = fmt.Sprintf("%s (%q)", g.ID()[:16], g.Description)
	}
	return nil, failf(ExitInput, "%d groups in %q: %s", len(groups), k.Path(), strings.Join(names, ", ")).
		hint("name one with -g")
}

func readPublicKeyPackage(cs frost.Ciphersuite, path string) (*frost.PublicKeyPackage, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, failf(ExitInput, "reading the public key package: %w", err)
	}
	pub, err := frost.DecodePublicKeyPackageJSON(cs, data)
	if err != nil {
		return nil, failf(ExitInput, "reading the public key package in %q: %w", path, err)
	}
	return pub, nil
}

func isHex(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && s != ""
}

// parseVerifyingKey reads a key as hexadecimal, as PEM, or from a PEM file
// (SubjectPublicKeyInfo of RFC 8410).
func parseVerifyingKey(cs frost.Ciphersuite, text string) (frost.VerifyingKey, error) {
	if isHex(strings.TrimSpace(text)) {
		key, err := frost.ParseVerifyingKey(cs, strings.TrimSpace(text))
		return key, asInput(err, "reading the verifying key")
	}
	data := []byte(text)
	if !strings.Contains(text, "-----BEGIN") {
		var err error
		if data, err = os.ReadFile(text); err != nil {
			return frost.VerifyingKey{}, failf(ExitInput, "reading the verifying key: %w", err)
		}
	}
	public, err := decodePEM(data)
	if err != nil {
		return frost.VerifyingKey{}, failf(ExitInput, "reading the verifying key: %w", err)
	}
	key, err := frost.DecodeVerifyingKey(cs, public)
	return key, asInput(err, "reading the verifying key")
}

func decodePEM(data []byte) (ed25519.PublicKey, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, errors.New("no PEM block PUBLIC KEY in it")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	public, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("it is a key of type %T, not Ed25519", parsed)
	}
	return public, nil
}

// asInput turns an error about a value that the user gave into a Failure.
func asInput(err error, doing string) error {
	if err == nil {
		return nil
	}
	return failf(ExitInput, "%s: %w", doing, err)
}

// publicKeyPackageFile is where test-sign leaves the public key package.
const publicKeyPackageFile = "public-key-package.json"

type testSignCommand struct {
	Message          string `short:"m" required:"" placeholder:"FILE" help:"The message to sign."`
	Signature        string `short:"s" required:"" placeholder:"FILE" help:"Where to write the signature."`
	PublicKeyPackage string `short:"P" default:"public-key-package.json" placeholder:"FILE" help:"Where to write the public key package (${default})."`
	Ciphersuite      string `short:"c" default:"ed25519" help:"Ciphersuite (${default})."`
	jsonFlag
}

// Run makes a fresh 2-of-3 group in memory, signs with two of its members and
// writes the signature and the public key package.
func (c *testSignCommand) Run(e *Env) error {
	cs, err := frost.CiphersuiteByName(c.Ciphersuite)
	if err != nil {
		return &Failure{Code: ExitUsage, Err: err}
	}
	message, err := e.readSigned(c.Message, "message", maxVerified)
	if err != nil {
		return err
	}
	if err := errors.Join(c.spare(e, c.PublicKeyPackage), c.spare(e, c.Signature)); err != nil {
		return err
	}
	signature, pub, err := signForTest(cs, message)
	if err != nil {
		return err
	}
	if err := writeFile(c.Signature, signature.Bytes()); err != nil {
		return err
	}
	if err := writeFile(c.PublicKeyPackage, pub.EncodeJSON()); err != nil {
		return err
	}
	if c.JSON {
		return e.writeJSON(map[string]any{
			"signature": c.Signature, "public_key_package": c.PublicKeyPackage, "verifying_key": pub.VerifyingKey().String(),
		})
	}
	fmt.Fprintf(e.Stdout, "✅ Test signature and public key package generated:\n  Signature: %s\n  Public key package: %s\n",
		c.Signature, c.PublicKeyPackage)
	return nil
}

// spare sees to it that nothing of another key is lost, such as a group's public key package of the same
// name: it is refused or, under the name of the tool that replaces it, kept aside. Each test has a key of its own.
func (c *testSignCommand) spare(e *Env, path string) error {
	if e.called == frostVerify {
		return e.keepAside(path)
	}
	return e.spare(path, func([]byte) bool { return false })
}

func signForTest(cs frost.Ciphersuite, message []byte) (frost.Signature, *frost.PublicKeyPackage, error) {
	ids := make([]frost.Identifier, 3)
	for i := range ids {
		ids[i], _ = frost.NewIdentifier(cs, uint16(i+1))
	}
	secrets, pub, err := frost.TrustedDealer(rand.Reader, cs, ids, 2)
	if err != nil {
		return frost.Signature{}, nil, err
	}
	signers := map[frost.Identifier]*frost.Signer{}
	commitments := map[frost.Identifier]*frost.SigningCommitments{}
	for _, id := range ids[:2] {
		key, err := secrets[id].KeyPackage()
		if err != nil {
			return frost.Signature{}, nil, err
		}
		defer key.Destroy()
		if signers[id], err = frost.NewSigner(rand.Reader, key); err != nil {
			return frost.Signature{}, nil, err
		}
		commitments[id] = signers[id].Commitments()
	}
	signature, err := signWith(cs, signers, commitments, message, pub)
	return signature, pub, err
}

func signWith(cs frost.Ciphersuite, signers map[frost.Identifier]*frost.Signer, commitments map[frost.Identifier]*frost.SigningCommitments,
	message []byte, pub *frost.PublicKeyPackage,
) (frost.Signature, error) {
	pkg, err := frost.NewSigningPackage(cs, commitments, message)
	if err != nil {
		return frost.Signature{}, err
	}
	shares := map[frost.Identifier]*frost.SignatureShare{}
	for id, signer := range signers {
		if shares[id], err = signer.Sign(pkg); err != nil {
			return frost.Signature{}, err
		}
	}
	return frost.Aggregate(pkg, shares, pub)
}
