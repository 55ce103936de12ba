package frost_test

import (
	"bytes"
	"crypto/sha512"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"frostkit/frost"
)

// The model is RFC 9591 for Ed25519 from scratch: integers of math/big, and
// each function as the RFC writes it. It shares no code with the product.

var (
	modelP = modelInt("57896044618658097711785492504343953926634992332820282019728792003956564819949")
	modelL = modelInt("7237005577332262213973186563042994240857116359379907606001950938285454250989")
	modelD = modelQuotient(big.NewInt(-121665), big.NewInt(121666))
	modelX = modelInt("15112221349535400772501151409588531511454012693041857206046113283949847762202")
	modelY = modelInt("46316835694926478169428394003475163141307993866256225615783033603165251855960")
	modelG = modelPoint{modelX, modelY, big.NewInt(1), modelMul(modelX, modelY)}
)

func modelInt(decimal string) *big.Int {
	n, _ := new(big.Int).SetString(decimal, 10)
	return n
}

// modelQuotient is a / b modulo p.
func modelQuotient(a, b *big.Int) *big.Int {
	q := new(big.Int).ModInverse(new(big.Int).Mod(b, modelP), modelP)
	return q.Mul(q, a).Mod(q, modelP)
}

// modelPoint is a point (X, Y, Z, T) with x = X/Z, y = Y/Z, x * y = T/Z.
type modelPoint struct{ x, y, z, t *big.Int }

var modelIdentity = modelPoint{big.NewInt(0), big.NewInt(1), big.NewInt(1), big.NewInt(0)}

func modelMul(a, b *big.Int) *big.Int {
	product := new(big.Int).Mul(a, b)
	return product.Mod(product, modelP)
}

// add is the addition of RFC 8032, Section 5.1.4, with the names that it has there.
func (p modelPoint) add(q modelPoint) modelPoint {
	plus := func(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) }
	minus := func(a, b *big.Int) *big.Int { return new(big.Int).Sub(a, b) }
	a := modelMul(minus(p.y, p.x), minus(q.y, q.x))
	b := modelMul(plus(p.y, p.x), plus(q.y, q.x))
	c := modelMul(modelMul(p.t, plus(modelD, modelD)), q.t)
	d := modelMul(plus(p.z, p.z), q.z)
	e, f, g, h := minus(b, a), minus(d, c), plus(d, c), plus(b, a)
	return modelPoint{modelMul(e, f), modelMul(g, h), modelMul(f, g), modelMul(e, h)}
}

func (p modelPoint) times(n *big.Int) modelPoint {
	sum := modelIdentity
	for i := n.BitLen() - 1; i >= 0; i-- {
		sum = sum.add(sum)
		if n.Bit(i) == 1 {
			sum = sum.add(p)
		}
	}
	return sum
}

// littleEndian returns 32 bytes.
func littleEndian(n *big.Int) []byte {
	b := n.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	return b
}

func fromLittleEndian(b []byte) *big.Int {
	b = bytes.Clone(b)
	slices.Reverse(b)
	return new(big.Int).SetBytes(b)
}

// encode is SerializeElement of Section 6.1.
func (p modelPoint) encode() []byte {
	b := littleEndian(modelQuotient(p.y, p.z))
	b[31] |= byte(modelQuotient(p.x, p.z).Bit(0) << 7)
	return b
}

func modelHash(parts ...[]byte) []byte {
	h := sha512.Sum512(slices.Concat(parts...))
	return h[:]
}

func modelScalar(parts ...[]byte) *big.Int {
	n := fromLittleEndian(modelHash(parts...))
	return n.Mod(n, modelL)
}

const modelContext = "FROST-ED25519-SHA512-v1"

// modelSigner is a signer: everything of it is known.
type modelSigner struct {
	id, share, hiding, binding *big.Int
}

func (s modelSigner) commitments() (hiding, binding modelPoint) {
	return modelG.times(s.hiding), modelG.times(s.binding)
}

// modelNonce is nonce_generate of Section 4.1.
func modelNonce(random, secret []byte) *big.Int {
	return modelScalar([]byte(modelContext+"nonce"), random, secret)
}

// modelLambda is derive_interpolating_value of Section 4.2.
func modelLambda(signers []modelSigner, i int) *big.Int {
	numerator, denominator := big.NewInt(1), big.NewInt(1)
	for j, other := range signers {
		if j != i {
			numerator.Mul(numerator, other.id).Mod(numerator, modelL)
			denominator.Mul(denominator, new(big.Int).Sub(other.id, signers[i].id)).Mod(denominator, modelL)
		}
	}
	numerator.Mul(numerator, denominator.ModInverse(denominator, modelL))
	return numerator.Mod(numerator, modelL)
}

// modelSign returns the shares of Section 5.2 and the signature of Section 5.3, for signers in
// ascending order.
func modelSign(key []byte, signers []modelSigner, message []byte) (shares []*big.Int, signature []byte) {
	// encode_group_commitment_list of Section 4.3
	var list []byte
	for _, s := range signers {
		hiding, binding := s.commitments()
		list = slices.Concat(list, littleEndian(s.id), hiding.encode(), binding.encode())
	}
	// compute_binding_factors of Section 4.4
	prefix := slices.Concat(key, modelHash([]byte(modelContext+"msg"), message), modelHash([]byte(modelContext+"com"), list))
	rho := make([]*big.Int, len(signers))
	r := modelIdentity
	for i, s := range signers {
		rho[i] = modelScalar([]byte(modelContext+"rho"), prefix, littleEndian(s.id))
		// compute_group_commitment of Section 4.5
		hiding, binding := s.commitments()
		r = r.add(hiding).add(binding.times(rho[i]))
	}
	// compute_challenge of Section 4.6
	c := modelScalar(r.encode(), key, message)
	z := new(big.Int)
	for i, s := range signers {
		share := new(big.Int).Mul(s.binding, rho[i])
		share.Add(share, s.hiding)
		share.Add(share, new(big.Int).Mul(modelLambda(signers, i), new(big.Int).Mul(s.share, c)))
		shares = append(shares, share.Mod(share, modelL))
		z.Add(z, share)
	}
	return shares, append(r.encode(), littleEndian(z.Mod(z, modelL))...)
}

// modelDeal is secret_share_shard of Appendix C.1, of random scalars as the product draws them.
func modelDeal(stream []byte, ids []frost.Identifier, threshold int) (key *big.Int, shares []*big.Int) {
	var coefficients []*big.Int
	for i := range threshold {
		n := fromLittleEndian(stream[64*i : 64*(i+1)])
		coefficients = append(coefficients, n.Mod(n, modelL))
	}
	for _, id := range ids {
		x, value := fromLittleEndian(id.Bytes()), new(big.Int)
		for i := threshold - 1; i >= 0; i-- {
			value.Mul(value, x).Add(value, coefficients[i]).Mod(value, modelL)
		}
		shares = append(shares, value)
	}
	return coefficients[0], shares
}

// The product deals, commits, signs and aggregates byte for byte as the model does.
func TestEqualsModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		ids := drawIDs(r, rapid.IntRange(2, 4).Draw(r, "n"))
		slices.SortFunc(ids, frost.Identifier.Compare)
		threshold := rapid.IntRange(2, len(ids)).Draw(r, "t")
		seed := rapid.Uint64().Draw(r, "seed")
		stream := make([]byte, 64*threshold)
		_, _ = newStream(seed).Read(stream)
		secret, shares := modelDeal(stream, ids, threshold)
		keys, public := deal(t, newStream(seed), ids, threshold)
		key := modelG.times(secret).encode()
		equal(t, "verifying key", public.VerifyingKey().Bytes(), key)

		message := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(r, "message")
		chosen := rapid.IntRange(threshold, len(ids)).Draw(r, "k")
		var model []modelSigner
		signers := make(map[frost.Identifier]*frost.Signer)
		commitments := make(map[frost.Identifier]*frost.SigningCommitments)
		for i, id := range ids[:chosen] {
			equal(t, "signing share", keys[id].SigningShare(), littleEndian(shares[i]))
			random := rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(r, "random")
			signers[id] = must(frost.NewSigner(bytes.NewReader(random), keys[id]))(t)
			commitments[id] = signers[id].Commitments()
			encoded := littleEndian(shares[i])
			model = append(model, modelSigner{
				fromLittleEndian(id.Bytes()), shares[i],
				modelNonce(random[:32], encoded), modelNonce(random[32:], encoded),
			})
		}
		wantShares, wantSignature := modelSign(key, model, message)
		pkg := must(frost.NewSigningPackage(suite, commitments, message))(t)
		got := signAll(t, signers, pkg)
		for i, id := range ids[:chosen] {
			equal(t, "signature share", got[id].EncodePostcard(), littleEndian(wantShares[i]))
		}
		equal(t, "signature", must(frost.Aggregate(pkg, got, public))(t).Bytes(), wantSignature)
	})
}
