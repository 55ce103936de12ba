package protocol

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"frostkit/frost"
	"frostkit/frost/dkg"
)

// message is one decoded message of frost-client's protocols.
type message interface {
	// phase is the phase that the message belongs to, which its shape tells.
	phase() string
	// about is the member whose package an echo passes on; the zero value for
	// every other message, of which a sender has one per phase.
	about() frost.Identifier
	// encode returns what frost-client writes: compact JSON.
	encode() []byte
	// equal reports whether two messages of one phase say the same.
	equal(message) bool
	// wipe destroys a secret that the message holds.
	wipe()
}

// single is embedded in the messages of which a sender has one per phase.
type single struct{}

func (single) about() (none frost.Identifier) { return none }

// public is embedded in the messages that hold no secret.
type public struct{}

func (public) wipe() {}

// round1 is a round 1 package, sent to each other member.
type round1 struct {
	single
	public
	pkg *dkg.Round1Package
}

func (round1) phase() string              { return PhaseRound1 }
func (m round1) encode() []byte           { return m.pkg.EncodeJSON() }
func (m round1) equal(other message) bool { return m.pkg.Equal(other.(round1).pkg) }

// echo is the tuple [identifier, round 1 package] with which a member passes
// on to another what it received from a third (session.rs,
// handle_round1_package_broadcast).
type echo struct {
	public
	origin frost.Identifier
	pkg    *dkg.Round1Package
}

func (echo) phase() string              { return PhaseEcho }
func (m echo) about() frost.Identifier  { return m.origin }
func (m echo) equal(other message) bool { return m.pkg.Equal(other.(echo).pkg) }

func (m echo) encode() []byte {
	return fmt.Appendf(nil, "[%q,%s]", m.origin, m.pkg.EncodeJSON())
}

// round2 is a round 2 package, which holds the recipient's secret share.
type round2 struct {
	single
	pkg *dkg.Round2Package
}

func (round2) phase() string              { return PhaseRound2 }
func (m round2) encode() []byte           { return m.pkg.EncodeSecretJSON() }
func (m round2) equal(other message) bool { return m.pkg.Equal(other.(round2).pkg) }
func (m round2) wipe()                    { m.pkg.Destroy() }

// commitments holds a signer's commitments, one for each message to sign.
type commitments struct {
	single
	public
	list []*frost.SigningCommitments
}

func (commitments) phase() string    { return PhaseCommitments }
func (m commitments) encode() []byte { return encodeList(m.list) }

func (m commitments) equal(other message) bool {
	return slices.EqualFunc(m.list, other.(commitments).list, (*frost.SigningCommitments).Equal)
}

// signingPackages is what the coordinator sends to each signer (api.rs,
// SendSigningPackageArgs), for suites without randomizers.
type signingPackages struct {
	single
	public
	list []*frost.SigningPackage // one for each message to sign
	aux  []byte                  // application data that is not signed
}

func (signingPackages) phase() string              { return PhasePackage }
func (m signingPackages) equal(other message) bool { return bytes.Equal(m.encode(), other.encode()) }

func (m signingPackages) encode() []byte {
	return fmt.Appendf(nil, `{"signing_package":%s,"aux_msg":"%x","randomizer":[]}`, encodeList(m.list), m.aux)
}

// shares holds a signer's signature shares, one for each message to sign.
type shares struct {
	single
	public
	list []*frost.SignatureShare
}

func (shares) phase() string    { return PhaseShares }
func (m shares) encode() []byte { return encodeList(m.list) }

func (m shares) equal(other message) bool {
	return slices.EqualFunc(m.list, other.(shares).list, (*frost.SignatureShare).Equal)
}

// shapes lists what tells the messages apart: the bracket with which one opens,
// and a field that no other with this bracket has. As no message holds free text,
// a field's name stands nowhere else.
var shapes = []struct {
	open         byte
	field, phase string
}{
	{'{', `"proof_of_knowledge"`, PhaseRound1},
	{'[', `"proof_of_knowledge"`, PhaseEcho},
	{'{', `"signing_share"`, PhaseRound2},
	{'[', `"hiding"`, PhaseCommitments},
	{'{', `"signing_package"`, PhasePackage},
	{'[', `"share"`, PhaseShares},
}

// PhaseOf tells by its form which phase a message of frost-client's protocols
// belongs to, before it is sealed: no message says so itself. It returns "" for
// what has none of the forms. It copies nothing of what may be a secret.
func PhaseOf(payload []byte) string {
	payload = bytes.TrimLeft(payload, " \t\r\n")
	for _, s := range shapes {
		if len(payload) > 0 && payload[0] == s.open && bytes.Contains(payload, []byte(s.field)) {
			return s.phase
		}
	}
	return ""
}

// decode reads a message of the phase that [PhaseOf] found.
func decode(cs frost.Ciphersuite, phase string, payload []byte) (message, error) {
	switch phase {
	case PhaseRound1:
		pkg, err := dkg.DecodeRound1PackageJSON(cs, payload)
		return round1{pkg: pkg}, err
	case PhaseEcho:
		return decodeEcho(cs, payload)
	case PhaseRound2:
		pkg, err := dkg.DecodeRound2PackageJSON(cs, payload)
		return round2{pkg: pkg}, err
	case PhaseCommitments:
		list, err := decodeList(cs, payload, frost.DecodeSigningCommitmentsJSON)
		return commitments{list: list}, err
	case PhasePackage:
		return decodeSigningPackages(cs, payload)
	case PhaseShares:
		list, err := decodeList(cs, payload, frost.DecodeSignatureShareJSON)
		return shares{list: list}, err
	}
	return nil, errors.New("it has the form of no message")
}

func decodeEcho(cs frost.Ciphersuite, payload []byte) (message, error) {
	var items []json.RawMessage
	var text string
	if err := json.Unmarshal(payload, &items); err != nil {
		return nil, err
	}
	if len(items) != 2 {
		return nil, fmt.Errorf("it has %d items, want 2", len(items))
	}
	if err := json.Unmarshal(items[0], &text); err != nil {
		return nil, err
	}
	origin, err := frost.ParseIdentifier(cs, text)
	if err != nil {
		return nil, err
	}
	pkg, err := dkg.DecodeRound1PackageJSON(cs, items[1])
	return echo{origin: origin, pkg: pkg}, err
}

func decodeSigningPackages(cs frost.Ciphersuite, payload []byte) (message, error) {
	fields, err := decodeObject(payload, "signing_package", "aux_msg", "randomizer")
	if err != nil {
		return nil, err
	}
	list, err := decodeList(cs, fields["signing_package"], decodeSigningPackage)
	if err != nil {
		return nil, err
	}
	var aux string
	var randomizers []json.RawMessage
	if err := json.Unmarshal(fields["aux_msg"], &aux); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(fields["randomizer"], &randomizers); err != nil {
		return nil, err
	}
	if len(randomizers) > 0 {
		return nil, fmt.Errorf("it carries randomizers, which %s does not use", cs.ID())
	}
	raw, err := hex.DecodeString(aux)
	return signingPackages{list: list, aux: raw}, err
}

// decodeSigningPackage is strict where frost-client, and so package frost, takes
// the last of several commitments of one signer: no honest coordinator sends such.
func decodeSigningPackage(cs frost.Ciphersuite, payload []byte) (*frost.SigningPackage, error) {
	pkg, err := frost.DecodeSigningPackageJSON(cs, payload)
	if err != nil {
		return nil, err
	}
	fields, err := decodeObject(payload, "header", "signing_commitments", "message")
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, id := range pkg.Identifiers() {
		ids = append(ids, id.String())
	}
	if _, err := decodeObject(fields["signing_commitments"], ids...); err != nil {
		return nil, fmt.Errorf("commitments of signers: %w", err)
	}
	return pkg, nil
}

// decodeObject reads a JSON object that has exactly the named fields, each
// once.
func decodeObject(payload []byte, want ...string) (map[string]json.RawMessage, error) {
	fields := make(map[string]json.RawMessage, len(want))
	in := json.NewDecoder(bytes.NewReader(payload))
	if start, err := in.Token(); err != nil || start != json.Delim('{') {
		return nil, errors.New("it is not an object")
	}
	for in.More() {
		var value json.RawMessage
		name, err := in.Token()
		if err == nil {
			err = in.Decode(&value)
		}
		if err != nil {
			return nil, err
		}
		field := name.(string)
		if _, repeated := fields[field]; repeated || !slices.Contains(want, field) {
			return nil, fmt.Errorf("it has an unknown or a repeated field %.40q", field)
		}
		fields[field] = value
	}
	if _, err := in.Token(); err != nil {
		return nil, err
	}
	if _, err := in.Token(); err != io.EOF {
		return nil, errors.New("it has something after its end")
	}
	if len(fields) != len(want) {
		return nil, fmt.Errorf("it has %d of the fields %q", len(fields), want)
	}
	return fields, nil
}

func decodeList[T any](cs frost.Ciphersuite, payload []byte, item func(frost.Ciphersuite, []byte) (T, error)) ([]T, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(payload, &raw); err != nil {
		return nil, err
	}
	if len(raw) == 0 {
		return nil, errors.New("it is an empty list")
	}
	list := make([]T, len(raw))
	for i := range raw {
		var err error
		if list[i], err = item(cs, raw[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func encodeList[T interface{ EncodeJSON() []byte }](list []T) []byte {
	items := make([][]byte, len(list))
	for i, item := range list {
		items[i] = item.EncodeJSON()
	}
	return fmt.Appendf(nil, "[%s]", bytes.Join(items, []byte(",")))
}
