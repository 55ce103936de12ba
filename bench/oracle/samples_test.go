package oracle_test

import (
	"encoding/hex"
	"encoding/json"

	"frostkit/frost"
	"frostkit/frost/dkg"
)

// codec is a type that has both forms here and in the crates.
type codec struct {
	// name is the crates' name of the type.
	name string
	// sample makes the JSON of a random value.
	sample func(*trial) *value
	// json and postcard decode the forms.
	json, postcard decoder
}

// decoder decodes one form of a type.
type decoder func([]byte) (*decoded, error)

// decoded is a value in both forms, those of version 2. Public key packages may say a
// threshold, which these leave out; for others it is unknown.
type decoded struct {
	json, postcard []byte
	threshold      int
}

const unknown = -1

// decoderOf makes a decoder of a type's methods.
func decoderOf[T any](decode func(frost.Ciphersuite, []byte) (T, error), toJSON, toPostcard func(T) []byte) decoder {
	return func(b []byte) (*decoded, error) {
		v, err := decode(suite, b)
		if err != nil {
			return nil, err
		}
		d := &decoded{toJSON(v), toPostcard(v), unknown}
		if public, ok := any(v).(*frost.PublicKeyPackage); ok {
			if threshold, known := public.MinSigners(); known {
				d.threshold = threshold
			}
		}
		return d, nil
	}
}

// codecOf makes the codec of a type.
func codecOf[T any](
	name string, sample func(*trial) *value,
	fromJSON, fromPostcard func(frost.Ciphersuite, []byte) (T, error), toJSON, toPostcard func(T) []byte,
) codec {
	return codec{
		name, sample,
		decoderOf(fromJSON, toJSON, toPostcard), decoderOf(fromPostcard, toJSON, toPostcard),
	}
}

var codecs = []codec{
	codecOf("SigningCommitments", (*trial).signingCommitments,
		frost.DecodeSigningCommitmentsJSON, frost.DecodeSigningCommitmentsPostcard,
		(*frost.SigningCommitments).EncodeJSON, (*frost.SigningCommitments).EncodePostcard),
	codecOf("SigningPackage", (*trial).signingPackage,
		frost.DecodeSigningPackageJSON, frost.DecodeSigningPackagePostcard,
		(*frost.SigningPackage).EncodeJSON, (*frost.SigningPackage).EncodePostcard),
	codecOf("SignatureShare", (*trial).signatureShare,
		frost.DecodeSignatureShareJSON, frost.DecodeSignatureSharePostcard,
		(*frost.SignatureShare).EncodeJSON, (*frost.SignatureShare).EncodePostcard),
	codecOf("SecretShare", (*trial).secretShare,
		frost.DecodeSecretShareJSON, frost.DecodeSecretSharePostcard,
		(*frost.SecretShare).EncodeSecretJSON, (*frost.SecretShare).EncodeSecretPostcard),
	codecOf("KeyPackage", (*trial).keyPackage,
		frost.DecodeKeyPackageJSON, frost.DecodeKeyPackagePostcard,
		(*frost.KeyPackage).EncodeSecretJSON, (*frost.KeyPackage).EncodeSecretPostcard),
	codecOf("PublicKeyPackage", (*trial).publicKeyPackage,
		frost.DecodePublicKeyPackageJSON, frost.DecodePublicKeyPackagePostcard,
		(*frost.PublicKeyPackage).EncodeJSON, (*frost.PublicKeyPackage).EncodePostcard),
	codecOf("Round1Package", (*trial).round1Package,
		dkg.DecodeRound1PackageJSON, dkg.DecodeRound1PackagePostcard,
		(*dkg.Round1Package).EncodeJSON, (*dkg.Round1Package).EncodePostcard),
	codecOf("Round2Package", (*trial).round2Package,
		dkg.DecodeRound2PackageJSON, dkg.DecodeRound2PackagePostcard,
		(*dkg.Round2Package).EncodeSecretJSON, (*dkg.Round2Package).EncodeSecretPostcard),
	bareCodec("Identifier", (*trial).identifierValue, frost.ParseIdentifier, frost.DecodeIdentifier),
	bareCodec("VerifyingKey", (*trial).pointValue, frost.ParseVerifyingKey, frost.DecodeVerifyingKey),
	bareCodec("Signature", (*trial).signatureValue, frost.ParseSignature, frost.DecodeSignature),
}

// bareCodec makes the codec of a type that is a string of hexadecimal digits in JSON,
// which package frost reads without its quotation marks, and those bytes in postcard.
func bareCodec[T interface {
	Bytes() []byte
	String() string
}](name string, sample func(*trial) *value, parse func(frost.Ciphersuite, string) (T, error), decode func(frost.Ciphersuite, []byte) (T, error)) codec {
	encode := func(v T, err error) (*decoded, error) {
		if err != nil {
			return nil, err
		}
		return &decoded{[]byte(`"` + v.String() + `"`), v.Bytes(), unknown}, nil
	}
	return codec{
		name, sample,
		func(b []byte) (*decoded, error) {
			var text string
			if err := json.Unmarshal(b, &text); err != nil {
				return nil, err
			}
			return encode(parse(suite, text))
		},
		func(b []byte) (*decoded, error) { return encode(decode(suite, b)) },
	}
}

// codecNamed returns the codec of a type.
func codecNamed(name string) codec {
	for _, c := range codecs {
		if c.name == name {
			return c
		}
	}
	panic("no codec of " + name)
}

func header() *value {
	return object("version", number(0), "ciphersuite", str(suite.ID()))
}

func (t *trial) pointValue() *value {
	t.Helper()
	return hexString(t.point().Bytes())
}

func (t *trial) scalarValue() *value {
	t.Helper()
	return hexString(t.scalar())
}

func (t *trial) identifierValue() *value {
	t.Helper()
	return str(t.identifier().String())
}

func (t *trial) signatureValue() *value {
	t.Helper()
	return hexString(append(t.point().Bytes(), t.scalar()...))
}

func (t *trial) pointList() *value {
	t.Helper()
	list := array()
	for range t.IntN(4) {
		list.items = append(list.items, t.pointValue())
	}
	return list
}

// byIdentifiers makes an object of up to 3 participants in ascending order.
func (t *trial) byIdentifiers(item func() *value) *value {
	t.Helper()
	participants := make(perParticipant)
	for _, id := range t.identifiers(t.IntN(4)) {
		participants[id] = nil
	}
	v := object()
	for _, id := range participants.sorted() {
		v.add(id.String(), item())
	}
	return v
}

func (t *trial) signingCommitments() *value {
	t.Helper()
	return object("header", header(), "hiding", t.pointValue(), "binding", t.pointValue())
}

func (t *trial) signingPackage() *value {
	t.Helper()
	return object("header", header(), "signing_commitments", t.byIdentifiers(t.signingCommitments),
		"message", str(hex.EncodeToString(t.bytes(t.IntN(150)))))
}

func (t *trial) signatureShare() *value {
	t.Helper()
	return object("header", header(), "share", t.scalarValue())
}

func (t *trial) secretShare() *value {
	t.Helper()
	return object("header", header(), "identifier", t.identifierValue(),
		"signing_share", t.scalarValue(), "commitment", t.pointList())
}

func (t *trial) keyPackage() *value {
	t.Helper()
	return object("header", header(), "identifier", t.identifierValue(), "signing_share", t.scalarValue(),
		"verifying_share", t.pointValue(), "verifying_key", t.pointValue(), "min_signers", number(t.IntN(65536)))
}

func (t *trial) publicKeyPackage() *value {
	t.Helper()
	v := object("header", header(), "verifying_shares", t.byIdentifiers(t.pointValue), "verifying_key", t.pointValue())
	if t.chance(2) {
		v.add("min_signers", number(t.IntN(65536)))
	}
	return v
}

func (t *trial) round1Package() *value {
	t.Helper()
	return object("header", header(), "commitment", t.pointList(), "proof_of_knowledge", t.signatureValue())
}

func (t *trial) round2Package() *value {
	t.Helper()
	return object("header", header(), "signing_share", t.scalarValue())
}
