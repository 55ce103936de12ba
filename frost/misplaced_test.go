package frost_test

import (
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"testing"

	"frostkit/frost"
)

// Whatever a signing share is put in the place of, and whatever a key is read as, no
// decoder's error repeats a part of the share.
func TestErrorsHoldNoMisplacedShare(t *testing.T) {
	ids := numbers(t, 12)
	shares, _, err := frost.TrustedDealer(newStream(1), suite, ids, 2)
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile(`"[^"]*"`)
	for _, id := range ids {
		key, share := must(shares[id].KeyPackage())(t), shares[id].SigningShare()
		for _, b := range [][]byte{key.EncodeSecretPostcard(), shares[id].EncodeSecretPostcard()} {
			checkHidden(t, share, b)
			for from := 0; from+len(share) <= len(b); from++ {
				checkHidden(t, share, slices.Concat(b[:from], share, b[from+len(share):]))
			}
		}
		digits := []byte(hex.EncodeToString(share))
		for _, text := range [][]byte{key.EncodeSecretJSON(), shares[id].EncodeSecretJSON()} {
			for _, word := range quoted.FindAllIndex(text, -1) { // names and values
				checkHidden(t, share, slices.Concat(text[:word[0]+1], digits, text[word[1]-1:]))
			}
		}
	}
}

// checkHidden decodes b as every message and checks that no error has four bytes of the share.
func checkHidden(t *testing.T, share, b []byte) {
	t.Helper()
	for name, c := range codecs {
		for _, decode := range []codec{c.json, c.postcard} {
			_, err := decode(b)
			if err == nil {
				continue
			}
			text := strings.ToLower(err.Error())
			for i := range len(share) - 3 {
				if strings.Contains(text, hex.EncodeToString(share[i:i+4])) {
					t.Fatalf("%s: the share %x is in %v", name, share, err)
				}
			}
		}
	}
}
