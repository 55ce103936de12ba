// Command frostkit runs ceremonies of threshold signatures: key generation,
// contact exchange, distributed key generation, signing and verification.
package main

import (
	"os"

	"frostkit/runner"
)

func main() {
	os.Exit(runner.Main(os.Args, runner.System()))
}
