package runner

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"

	"frostkit/ceremony"
	"frostkit/frost"
	"frostkit/frost/cocktail"
	"frostkit/keyring"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
	"frostkit/runner/report"
)

type recoverCommand struct {
	Certificate string `arg:"" placeholder:"CERTIFICATE" help:"The certificate: report/certificate.json of a run."`
	Bundle      string `placeholder:"FILE" help:"This member's bundle, which a run with 'recovery: bundle' in its file wrote; by default the share, or the bundle, that is pending beside the credentials."`
	File        string `placeholder:"FILE" help:"The ceremony file: the certificate is compared with it, and the group gets its description and relay."`
	Description string `short:"d" placeholder:"TEXT" help:"The group's description, instead of the file's or the ceremony's name."`
	localFlag
	configFlag
	jsonFlag
}

// Run adds the group to the credentials again: with the share that is pending beside them, or with the one that the
// bundle holds for their communication key.
func (c *recoverCommand) Run(e *Env) error {
	statement, encoded, config, err := c.read(e)
	if err != nil {
		return err
	}
	path, err := c.path()
	if err != nil {
		return err
	}
	record, err := pendingRecord(path, encoded)
	if err != nil {
		return err
	}
	if record != nil {
		defer clear(record.Share)
	}
	kept, err := c.kept(path, record, statement)
	if err != nil {
		return err
	}
	kept.Transcript = encoded // with its signatures
	err = e.update(e.Context, path, func(k *keyring.Keyring) error {
		return restore(k, statement, kept, config)
	})
	if err != nil {
		return err
	}
	if record != nil { // the next run then needs nobody to complete it
		record.Signatures = bytes.TrimPrefix(encoded, record.Transcript)
		if err := keyring.StoreRecord(e.Context, path, *record); err != nil {
			return err
		}
	}
	e.say("Recovered the share in the group %q from %s.", config.Description, c.Certificate)
	if c.JSON {
		return e.writeJSON(map[string]any{"group": statement.VerifyingKey, "description": config.Description, "config": path})
	}
	fmt.Fprintln(e.result(), statement.VerifyingKey)
	return nil
}

// pendingRecord finds what a member stored of a key generation before it had the certificate, nil if
// that is not there.
func pendingRecord(credentials string, certificate []byte) (*keyring.Record, error) {
	all, err := keyring.LoadRecords(credentials)
	i := slices.IndexFunc(all, func(r keyring.Record) bool { return bytes.HasPrefix(certificate, r.Transcript) })
	if err != nil || i < 0 {
		return nil, err
	}
	return &all[i], nil
}

// kept returns what the member kept of the key generation: its share, or its bundle.
func (c *recoverCommand) kept(credentials string, record *keyring.Record, s *report.Statement) (native.Record, error) {
	switch {
	case c.Bundle == "" && record != nil:
		return native.Record{Bundle: record.Bundle, Share: record.Share}, nil
	case s.Recovery != report.RecoveryBundle:
		return native.Record{}, failf(ExitInput, "recovering a share: this group has no bundles: its shares were encrypted to keys that were destroyed, and none is pending beside %q", credentials).
			hint("%s", noBundleHint)
	case c.Bundle == "":
		return native.Record{}, failf(ExitInput, "recovering a share: no share of this key generation is pending beside %q", credentials).
			hint("name this member's bundle: --bundle recovery/KEY-0-NAME.bin")
	}
	bundle, err := os.ReadFile(c.Bundle)
	if err != nil {
		return native.Record{}, fmt.Errorf("reading the bundle: %w", err)
	}
	return native.Record{Bundle: bundle}, nil
}

// noBundleHint says what is left to who lost a share without a bundle.
const noBundleHint = "put back a copy of the credentials file that has the group; without one the share is lost, and the others sign as long as they are as many as the threshold: make a new group in time (with \"recovery: bundle\" in its file, if communication keys are to be enough)"

// read verifies the certificate, and returns what it says, its encoding by
// package cocktail, and what the group is to be called.
func (c *recoverCommand) read(e *Env) (*report.Statement, []byte, keyring.GroupConfig, error) {
	var config keyring.GroupConfig
	data, err := os.ReadFile(c.Certificate)
	if err != nil {
		return nil, nil, config, fmt.Errorf("reading the certificate: %w", err)
	}
	statement, err := (&verifyCeremonyCommand{Certificate: c.Certificate, File: c.File, localFlag: c.localFlag}).verify(e, data)
	if err != nil {
		return nil, nil, config, err
	}
	certificate, err := report.ParseCertificate(data)
	if err != nil {
		return nil, nil, config, err
	}
	encoded, err := certificate.EncodeCocktail()
	if err != nil {
		return nil, nil, config, err
	}
	config, err = c.describe(e, statement)
	return statement, encoded, config, err
}

// describe says what the group is called, and which relay it uses: what the
// ceremony file says, which no certificate holds.
func (c *recoverCommand) describe(e *Env, s *report.Statement) (keyring.GroupConfig, error) {
	config := keyring.GroupConfig{Description: s.Ceremony}
	if s.Step != ceremony.OnlyGroup {
		config.Description += " " + s.Step
	}
	if c.File != "" {
		file, _, err := e.loadCeremony(c.File, c.localFlag)
		if err != nil {
			return config, err
		}
		config.ServerURL = file.Server.Address()
		for _, g := range file.Groups {
			if g.StepName() == s.Step {
				config.Description = g.Description
			}
		}
	}
	if c.Description != "" {
		config.Description = c.Description
	}
	return config, nil
}

// restore adds the group with the recovered share, if it is not there.
func restore(k *keyring.Keyring, s *report.Statement, kept native.Record, config keyring.GroupConfig) error {
	if k.Key() == nil {
		return failf(ExitInput, "recovering a share: no communication key in %q, and the share can be read with it alone", k.Path()).
			hint("put back the communication key that the member had then, from a copy of its credentials")
	}
	if _, there := k.Group(s.VerifyingKey); there {
		return fmt.Errorf("recovering a share: %w: the group %s is in %q, and was left as it is", keyring.ErrGroupExists, s.VerifyingKey, k.Path())
	}
	cs, err := frost.CiphersuiteByID(s.Ciphersuite)
	if err != nil {
		return err
	}
	outcome, err := native.Restore(cs, k.Key(), kept)
	if errors.Is(err, cocktail.ErrNotMember) {
		return failf(ExitInput, "%w: the communication key in %q is that of none of %s", err, k.Path(), certifiedNames(s)).
			hint("use the credentials, or a copy, with the communication key that the member had then")
	}
	if err != nil {
		return err
	}
	defer outcome.KeyPackage.Destroy()
	made := groupOf(config.Description, config.ServerURL, outcome.KeyPackage, outcome.PublicKeyPackage, certifiedMembers(s, outcome))
	group, err := keyring.NewGroup(made)
	if err != nil {
		return err
	}
	return k.AddGroup(group)
}

// certifiedMembers are the members of a verified certificate, which are in the
// order of their identifiers.
func certifiedMembers(s *report.Statement, outcome *native.Outcome) []protocol.Member {
	ids := outcome.Certificate.Transcript().Setup().Identifiers()
	members := make([]protocol.Member, len(ids))
	for i, m := range s.Members {
		members[i] = protocol.Member{Name: m.Name, Key: m.PublicKey, Identifier: ids[i]}
	}
	return members
}

func certifiedNames(s *report.Statement) string {
	names := make([]string, len(s.Members))
	for i, m := range s.Members {
		names[i] = m.Name
	}
	return quotedList(names)
}
