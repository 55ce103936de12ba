//go:build goexperiment.runtimesecret && (amd64 || arm64) && linux

package secret

import (
	"runtime/secret"
	"testing"
)

func TestDoIsSecret(t *testing.T) {
	inside := false
	Do(func() { inside = secret.Enabled() })
	if !inside || secret.Enabled() {
		t.Error("the function does not run in secret mode alone")
	}
}
