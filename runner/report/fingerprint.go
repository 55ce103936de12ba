package report

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Fingerprint shortens bytes for people to compare: the first 10 bytes of
// their SHA-256 as five groups of four hexadecimal digits, 80 bits. Who could
// find another key with the same one has done 2^80 work for it.
func Fingerprint(b []byte) string {
	digest := sha256.Sum256(b)
	digits := hex.EncodeToString(digest[:10])
	groups := make([]string, 0, 5)
	for i := 0; i < len(digits); i += 4 {
		groups = append(groups, digits[i:i+4])
	}
	return strings.Join(groups, " ")
}
