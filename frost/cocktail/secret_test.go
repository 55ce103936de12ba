//go:build goexperiment.runtimesecret && (amd64 || arm64) && linux

package cocktail

import (
	"crypto/rand"
	"runtime/secret"
	"testing"
)

// watched is a source of randomness that notices whether it is read in secret mode.
type watched struct{ secret, open int }

func (w *watched) Read(b []byte) (int, error) {
	if secret.Enabled() {
		w.secret++
	} else {
		w.open++
	}
	return rand.Read(b)
}

func TestSecretsAreDrawnInSecretMode(t *testing.T) {
	p := newParty(t, "secret mode", 2, 2)
	var source watched
	must(New(Config{Setup: p.setup, Key: p.keys[0], Random: &source}))(t)
	if source.secret == 0 || source.open > 0 {
		t.Errorf("%d reads in secret mode, %d outside", source.secret, source.open)
	}
}
