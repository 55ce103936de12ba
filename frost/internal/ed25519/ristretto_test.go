package ed25519

import (
	"bytes"
	"encoding/hex"
	"testing"

	"filippo.io/edwards25519"
)

// RFC 9496, Appendix A.1: the first multiples of the generator.
var ristrettoMultiples = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76",
	"6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919",
	"94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259",
	"da80862773358b466ffadfe0b3293ab3d9fd53c5ea6c955358f568322daf6a57",
	"e882b131016b52c1d3337080187cf768423efccbb517bb495ab812c4160ff44e",
}

func TestRistrettoMult(t *testing.T) {
	var g edwards25519Group
	base := g.BaseMult(g.ScalarFromUint16(1))
	for n, want := range ristrettoMultiples {
		got := RistrettoMult(g.ScalarFromUint16(uint16(n)), base)
		if hex.EncodeToString(got) != want {
			t.Errorf("%d times the generator is %x, want %s", n, got, want)
		}
	}
}

// Points that differ by one of order 4 are the same element of ristretto255, and have
// the same encoding.
func TestRistrettoCosets(t *testing.T) {
	// x = sqrt(-1), y = 0, of order 4.
	torsion, err := new(edwards25519.Point).SetBytes(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	var g edwards25519Group
	p := point(g.BaseMult(g.ScalarFromUint16(1234)))
	want := ristrettoEncode(p)
	for range 4 {
		p.Add(p, torsion)
		if got := ristrettoEncode(p); !bytes.Equal(got, want) {
			t.Errorf("got %x, want %x", got, want)
		}
	}
}
