// Package oracle runs the published Rust crates that frostkit must agree with: the
// FROST crates of the Zcash Foundation in versions 2 and 3, and the Noise, XEdDSA and
// bech32 crates of frost-tools. They are linked into the program in bench/zf, which
// reads requests and writes answers, one a line of JSON. The tests of this package
// hand the same inputs to both sides; measurements can time the same steps on both.
//
// The tests are random trials, the same ones in every run. With -seed they are others,
// with -scale more of them: go test ./bench/oracle -seed 7 -scale 20 -timeout 1h. An
// input on which the sides disagree is printed; if it is a message, as a line for
// testdata/messages.jsonl.
package oracle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
)

// ErrNoCargo says that the program cannot be built here.
var ErrNoCargo = errors.New("there is no cargo that runs; install Rust from your system or rustup.rs")

// findCargo returns the cargo on PATH, if it runs: rustup's is a proxy that
// finds no toolchain in the home of another user.
func findCargo(ctx context.Context) (string, error) {
	cargo, err := exec.LookPath("cargo")
	if err != nil {
		return "", ErrNoCargo
	}
	if output, err := exec.CommandContext(ctx, cargo, "--version").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w (%q said: %s)", ErrNoCargo, cargo, bytes.TrimSpace(output))
	}
	return cargo, nil
}

// Build builds the program whose sources are in dir, which is bench/zf, with the
// versions that its Cargo.lock names, and returns the path of the executable. What is
// built already is not built again. The error is [ErrNoCargo], or has what cargo printed.
func Build(ctx context.Context, dir string) (string, error) {
	cargo, err := findCargo(ctx)
	if err != nil {
		return "", fmt.Errorf("building the Rust program: %w", err)
	}
	target := filepath.Join(dir, "target")
	cmd := exec.CommandContext(ctx, cargo, "build", "--release", "--locked", "--quiet",
		"--manifest-path", filepath.Join(dir, "Cargo.toml"), "--target-dir", target)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("building the Rust program in %q: %w\n%s", dir, err, output.Bytes())
	}
	name := "zf"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(target, "release", name), nil
}
