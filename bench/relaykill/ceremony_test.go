package relaykill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// unreachable is the exit code of a command that is to be run again.
const unreachable = 5

// ceremonies are carried out one after another, by the program, over the relays.
type ceremonies struct {
	program, folder, url string
	env                  []string

	mu      sync.Mutex
	killed  time.Time // the last kill
	done    int
	struck  int           // of them, by a kill while they were under way
	again   int           // times that one was told to run again
	longest time.Duration // from the last kill to the end
}

const ceremonyFile = `version: 1
ceremony: killed
threshold: 2
server: {url: %q, ca: %q}
members: {Alice: {}, Bob: {}, Eve: {}}
sign:
  - message: message.txt
    signers: [Alice, Bob]
    output: message.sig
`

// note tells of a kill.
func (c *ceremonies) note() {
	c.mu.Lock()
	c.killed = time.Now()
	c.mu.Unlock()
}

// loop makes groups and signs with them until stop ends.
func (c *ceremonies) loop(t *testing.T, stop context.Context) {
	for i := 0; stop.Err() == nil; i++ {
		if err := c.one(t.Context(), filepath.Join(c.folder, fmt.Sprint(i))); err != nil {
			t.Errorf("ceremony %d: %v", i, err)
			return
		}
	}
}

func (c *ceremonies) one(ctx context.Context, dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	file := filepath.Join(dir, "ceremony.yaml")
	root, err := os.ReadFile(filepath.Join(c.folder, "rootCA.pem"))
	if err != nil {
		return err
	}
	for name, text := range map[string][]byte{
		"ceremony.yaml": fmt.Appendf(nil, ceremonyFile, c.url, "rootCA.pem"),
		"rootCA.pem":    root, // beside the file, which may not reach out of its folder
		"message.txt":   []byte("m"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	start := time.Now()
	for {
		again, err := c.run(ctx, file)
		if err != nil {
			return err
		}
		if !again {
			break
		}
		c.again++
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done++
	if c.killed.After(start) {
		c.struck++
		c.longest = max(c.longest, time.Since(c.killed))
	}
	return nil
}

// run runs a ceremony once; again says that it could not reach the relay.
func (c *ceremonies) run(ctx context.Context, file string) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.program, "run", file, "--all", "--yes")
	cmd.Env = append(os.Environ(), c.env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false, nil
	case errors.As(err, &exit) && exit.ExitCode() == unreachable:
		return true, nil
	}
	return false, fmt.Errorf("%w\n%s", err, out)
}
