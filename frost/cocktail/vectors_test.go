package cocktail

import (
	"crypto/sha512"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"frostkit/frost"
)

// vectorFile is a file of the test vectors of Appendix B.
type vectorFile struct {
	Ciphersuite string   `json:"ciphersuite"`
	Seed        hexBytes `json:"seed"`
	Vectors     []vector `json:"vectors"`
}

type vector struct {
	N          int      `json:"n"`
	T          int      `json:"t"`
	SessionTag hexBytes `json:"session_tag"`
	Context    hexBytes `json:"context"`
	Extension  hexBytes `json:"extension"`
	Config     struct {
		Secret []hexBytes `json:"static_secret_keys"`
		Public []hexBytes `json:"static_public_keys"`
	} `json:"config"`
	Payloads []hexBytes     `json:"payloads"`
	Round1   []vectorRound1 `json:"round1"`
	Round2   []struct {
		SecretShare       hexBytes `json:"secret_share"`
		VerificationShare hexBytes `json:"verification_share"`
	} `json:"round2"`
	Round3 struct {
		TranscriptHash hexBytes `json:"transcript_hash"`
		Signatures     []struct {
			Signature hexBytes `json:"signature"`
		} `json:"signatures"`
	} `json:"round3"`
	GroupPublicKey hexBytes `json:"group_public_key"`
	Recovery       *struct {
		Participant       int        `json:"participant_id"`
		Ciphertexts       []hexBytes `json:"ciphertexts"`
		SecretShare       hexBytes   `json:"recovered_secret_share"`
		VerificationShare hexBytes   `json:"recovered_verification_share"`
	} `json:"recovery"`
}

type vectorRound1 struct {
	EphemeralPublicKey hexBytes   `json:"ephemeral_public_key"`
	VSSCommitment      []hexBytes `json:"vss_commitment"`
	PoP                hexBytes   `json:"pop"`
	PoPIntermediate    struct {
		Message         hexBytes `json:"message"`
		NonceInput      hexBytes `json:"nonce_input"`
		Nonce           hexBytes `json:"nonce"`
		NonceCommitment hexBytes `json:"nonce_commitment"`
		ChallengeInput  hexBytes `json:"challenge_input"`
		Challenge       hexBytes `json:"challenge"`
	} `json:"pop_intermediate"`
	EncryptedShares []hexBytes `json:"encrypted_shares"`
}

func readVectors(t testing.TB) vectorFile {
	t.Helper()
	var file vectorFile
	b := must(os.ReadFile("testdata/cocktail-dkg-ed25519-sha512.json"))(t)
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	return file
}

// stream is the source of randomness of the vectors: the hashes of seed, suite, parameters, label and
// a counter in 8 bytes.
type stream struct {
	prefix  []byte
	counter uint64
	buffer  []byte
}

func (v vector) derivation(file vectorFile, label string) []byte {
	b := slices.Concat(file.Seed, []byte(file.Ciphersuite))
	b = binary.LittleEndian.AppendUint32(b, uint32(v.T))
	b = binary.LittleEndian.AppendUint32(b, uint32(v.N))
	return append(b, label...)
}

func (v vector) stream(file vectorFile, i int) *stream {
	return &stream{prefix: v.derivation(file, fmt.Sprintf("round1_participant_%d", i+1))}
}

func (s *stream) Read(b []byte) (int, error) {
	for len(s.buffer) < len(b) {
		block := sha512.Sum512(binary.LittleEndian.AppendUint64(slices.Clone(s.prefix), s.counter))
		s.buffer = append(s.buffer, block[:]...)
		s.counter++
	}
	n := copy(b, s.buffer)
	s.buffer = s.buffer[n:]
	return n, nil
}

// Every value of every vector of COCKTAIL(Ed25519, SHA-512), from the seed.
func TestVectors(t *testing.T) {
	file := readVectors(t)
	if len(file.Vectors) != 4 {
		t.Fatalf("%d vectors, want 4", len(file.Vectors))
	}
	for i, v := range file.Vectors {
		t.Run(fmt.Sprintf("%d/%s", i, v.SessionTag), func(t *testing.T) { v.test(t, file) })
	}
}

func (v vector) test(t *testing.T, file vectorFile) {
	p := v.party(t, file)
	rounds1, messages := v.round1(t, file, p)
	rounds2 := v.round2(t, p, rounds1, messages)
	extension := []byte(v.Extension)
	if v.Payloads != nil {
		equal(t, "extension of the payloads", rounds2[0].PayloadExtension(), v.Extension)
	}
	rounds3, signatures := p.certify(t, rounds2, extension)
	for i, round := range rounds3 {
		equal(t, "transcript hash", round.Transcript().Hash(), v.Round3.TranscriptHash)
		equal(t, "signature", round.Signature().Bytes(), v.Round3.Signatures[i].Signature)
		certificate := must(round.Next(signatures))(t)
		again := must(DecodeCertificate(cs, certificate.Encode()))(t)
		equal(t, "certificate", again.Encode(), certificate.Encode())
		v.recover(t, p, certificate)
	}
}

// party derives the static keys and the context.
func (v vector) party(t *testing.T, file vectorFile) party {
	var p party
	var members []StaticPublicKey
	for i, want := range v.Config.Secret {
		digest := v.derivation(file, fmt.Sprintf("static_secret_key_%d", i+1))
		secret := cs.H2(digest).Bytes() // SHA-512, wide-reduced
		equal(t, "static secret key", secret, want)
		p.keys = append(p.keys, must(DecodeStaticKey(cs, secret))(t))
		equal(t, "static public key", p.keys[i].PublicKey().Bytes(), v.Config.Public[i])
		members = append(members, must(DecodeStaticPublicKey(cs, v.Config.Public[i]))(t))
	}
	p.setup = must(NewSetup(cs, v.SessionTag, members, v.T))(t)
	p.ids = p.setup.Identifiers()
	equal(t, "context", p.setup.Context(), v.Context)
	return p
}

func (v vector) round1(t *testing.T, file vectorFile, p party) (rounds []*Round1, messages map[frost.Identifier]*Round1Message) {
	messages = make(map[frost.Identifier]*Round1Message)
	for i, key := range p.keys {
		config := Config{Setup: p.setup, Key: key, Random: v.stream(file, i), Payloads: make(map[frost.Identifier][]byte)}
		if v.Payloads != nil {
			for _, id := range p.ids {
				config.Payloads[id] = v.Payloads[i]
			}
		}
		rounds = append(rounds, must(New(config))(t))
		message := rounds[i].Message()
		v.Round1[i].test(t, message, v.Context)
		v.testNonce(t, file, i)
		messages[p.ids[i]] = must(DecodeRound1Message(p.setup, p.ids[i], message.Encode()))(t)
		equal(t, "round 1 message", messages[p.ids[i]].Encode(), message.Encode())
		if got, want := len(message.Encode()), p.setup.Round1MessageSize(v.N*v.payloadSize()); got != want {
			t.Errorf("round 1 message has %d bytes, want %d", got, want)
		}
	}
	return rounds, messages
}

func (v vector) payloadSize() int {
	if v.Payloads == nil {
		return 0
	}
	return len(v.Payloads[0])
}

func (want vectorRound1) test(t *testing.T, message *Round1Message, context []byte) {
	equal(t, "ephemeral public key", message.ephemeral.Encoding(), want.EphemeralPublicKey)
	for k, element := range message.commitment {
		equal(t, "commitment", element.Encoding(), want.VSSCommitment[k])
	}
	equal(t, "proof of possession", message.pop.Bytes(), want.PoP)
	for j, ciphertext := range message.ciphertexts {
		equal(t, "encrypted share", ciphertext, want.EncryptedShares[j])
	}
	intermediate := want.PoPIntermediate
	equal(t, "message of the proof", message.proofMessage(context), intermediate.Message)
	equal(t, "nonce commitment", message.pop.r.Encoding(), intermediate.NonceCommitment)
	equal(t, "challenge", message.proof(context).challenge.Bytes(), intermediate.Challenge)
	equal(t, "challenge input", slices.Concat(ed25519H7, message.pop.r.Encoding(), message.commitment[0].Encoding(), intermediate.Message), intermediate.ChallengeInput)
}

// testNonce draws the polynomial again, and makes the nonce of the proof of possession with it.
func (v vector) testNonce(t *testing.T, file vectorFile, i int) {
	s := must(suiteOf(cs))(t)
	constant := must(cs.Group().RandomScalar(v.stream(file, i)))(t).Bytes()
	want := v.Round1[i].PoPIntermediate
	equal(t, "nonce input", slices.Concat(ed25519Nonce, constant, want.Message), want.NonceInput)
	equal(t, "nonce", s.nonceScalar(constant, want.Message).Bytes(), want.Nonce)
}

func (v vector) round2(t *testing.T, p party, rounds1 []*Round1, messages map[frost.Identifier]*Round1Message) (rounds []*Round2) {
	for i, round := range rounds1 {
		next := must(round.Next(messages))(t)
		equal(t, "secret share", secretShare(t, next.KeyPackage()), v.Round2[i].SecretShare)
		equal(t, "verification share", next.KeyPackage().VerifyingShare().Bytes(), v.Round2[i].VerificationShare)
		equal(t, "group public key", next.PublicKeyPackage().VerifyingKey().Bytes(), v.GroupPublicKey)
		for j, id := range p.ids {
			if v.Payloads != nil {
				equal(t, "payload", next.Payload(id), v.Payloads[j])
			}
		}
		rounds = append(rounds, next)
	}
	return rounds
}

func (v vector) recover(t *testing.T, p party, certificate *Certificate) {
	if v.Recovery == nil {
		return
	}
	var framed []byte
	for _, ciphertext := range v.Recovery.Ciphertexts {
		framed = appendFrame(framed, ciphertext)
	}
	bundle := must(DecodeBundle(cs, v.N, framed))(t)
	equal(t, "bundle", bundle.Encode(), framed)
	key, public, err := Recover(p.keys[v.Recovery.Participant-1], certificate, bundle)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "recovered secret share", secretShare(t, key), v.Recovery.SecretShare)
	equal(t, "recovered verification share", key.VerifyingShare().Bytes(), v.Recovery.VerificationShare)
	equal(t, "recovered group public key", public.VerifyingKey().Bytes(), v.GroupPublicKey)
}
