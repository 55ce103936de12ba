package byhand

import (
	"fmt"
	"io"
	"os"

	"frostkit/frost"
	"frostkit/internal/durable"
)

// Print prints a signature after a title. Where that fails it is kept ([Keep]), as it is nowhere else.
func Print(out io.Writer, title string, signature frost.Signature) error {
	if _, err := fmt.Fprintf(out, "%s%s\n", title, signature); err != nil {
		return Keep(signature, err)
	}
	return nil
}

// Keep writes a signature that could not be printed, in its raw form, to a new file in the working folder or, where
// that takes none, in the system's folder for temporary files. It returns why it could not be printed, with where
// the signature is; where no folder takes it, with the signature itself.
func Keep(signature frost.Signature, unprinted error) error {
	var full error
	for _, dir := range []string{".", os.TempDir()} {
		path, err := durable.Keep(dir, "signature-*.sig", signature.Bytes())
		if err == nil {
			return fmt.Errorf("%w; the signature is kept in %q", unprinted, path)
		}
		full = err
	}
	return fmt.Errorf("%w; keeping it in a file: %v; the signature is %s", unprinted, full, signature)
}
