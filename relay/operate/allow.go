package operate

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"frostkit/commkey"
)

// maxAllowed bounds a file of keys, in bytes.
const maxAllowed = 64 << 20

// AllowFile reads the keys that may use a private relay from a file of one key
// a line, which parse reads; empty lines, and what follows a #, do not count.
func AllowFile(log *slog.Logger, path string, parse func(string) (commkey.PublicKey, error)) (*File[map[commkey.PublicKey]bool], error) {
	read := func() (map[commkey.PublicKey]bool, error) { return readAllowed(path, parse) }
	return NewFile(log, "the list of keys that may use the relay", read, path)
}

func readAllowed(path string, parse func(string) (commkey.PublicKey, error)) (map[commkey.PublicKey]bool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxAllowed {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxAllowed)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	allowed := map[commkey.PublicKey]bool{}
	var problems []error
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		key, err := parse(line)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s:%d: %w", path, n, err))
			continue
		}
		allowed[key] = true
	}
	return allowed, errors.Join(append(problems, lines.Err())...)
}
