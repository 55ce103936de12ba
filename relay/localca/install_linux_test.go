package localca

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/smallstep/truststore"
)

// An installation that fails half way leaves nothing that the next update of the trust stores, by any
// program, would have trusted.
func TestFailedInstallationIsUndone(t *testing.T) {
	anchors, tools := t.TempDir(), t.TempDir()
	for _, tool := range []string{"tee", "rm", "false"} { // and no sudo
		path, err := exec.LookPath(tool)
		if err == nil {
			err = os.Symlink(path, filepath.Join(tools, tool))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", tools)
	name, command := truststore.SystemTrustFilename, truststore.SystemTrustCommand
	t.Cleanup(func() { truststore.SystemTrustFilename, truststore.SystemTrustCommand = name, command })
	truststore.SystemTrustFilename, truststore.SystemTrustCommand = filepath.Join(anchors, "%s.crt"), []string{"false"}
	ca, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if err := ca.Install(); err == nil {
		t.Error("it did not fail")
	}
	left, err := os.ReadDir(anchors)
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
