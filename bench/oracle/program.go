package oracle

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// Recipient is the part of the program that a request is for.
type Recipient string

// The recipients. Their operations and the fields of these are described in
// bench/zf/README.md.
const (
	// Frost2 is frost-ed25519 2.1.0 over frost-core 2.2.0, which frost-tools uses.
	Frost2 Recipient = "frost2"
	// Frost3 is frost-ed25519 3.0.0 over frost-core 3.0.0.
	Frost3 Recipient = "frost3"
	// Noise is snow, as frost-client uses it.
	Noise Recipient = "noise"
	// XEdDSA is the crate xeddsa.
	XEdDSA Recipient = "xeddsa"
	// Contact is bech32 and postcard, as frost-client uses them.
	Contact Recipient = "contact"
)

// Bytes is a byte string of a request or an answer, which hold it as lower-case
// hexadecimal digits.
type Bytes []byte

// MarshalText returns hexadecimal digits.
func (b Bytes) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, b), nil }

// UnmarshalText reads hexadecimal digits.
func (b *Bytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.AppendDecode(nil, text)
	return err
}

// RefusedError is the answer of a crate that refuses its input.
type RefusedError struct {
	// Reason is the crate's own words.
	Reason string `json:"reason"`
	// Culprits are the identifiers, in hexadecimal digits, of the participants whom
	// the crate blames.
	Culprits []string `json:"culprits"`
}

// Error returns the reason and the culprits.
func (e *RefusedError) Error() string {
	if len(e.Culprits) == 0 {
		return e.Reason
	}
	return fmt.Sprintf("%s culprits %s", e.Reason, e.Culprits)
}

// Program is the program, running. Its methods may be called concurrently; it
// answers one request after another.
type Program struct {
	cmd *exec.Cmd
	mu  sync.Mutex
	in  io.WriteCloser
	out *bufio.Reader
}

// Start starts the executable that [Build] returned. What it prints on standard
// error, which is why it died, goes to this process's.
func Start(executable string) (*Program, error) {
	cmd := exec.Command(executable)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the Rust program: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the Rust program: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the Rust program: %w", err)
	}
	return &Program{cmd: cmd, in: in, out: bufio.NewReaderSize(out, 1<<16)}, nil
}

// Close ends the program and waits for it.
func (p *Program) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.in.Close(); err != nil {
		return fmt.Errorf("ending the Rust program: %w", err)
	}
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("ending the Rust program: %w", err)
	}
	return nil
}

// line is a request.
type line struct {
	To      Recipient `json:"to"`
	Op      string    `json:"op"`
	Request any       `json:"request"`
	Repeat  int       `json:"repeat,omitempty"`
}

// answer is an answer: one of the three.
type answer struct {
	OK      json.RawMessage `json:"ok"`
	Refused *RefusedError   `json:"refused"`
	Fault   string          `json:"fault"`
}

// Ask has a request answered, and puts the result into result by encoding/json
// unless that is nil. The error is a *[RefusedError] if the crate refuses its input. Any
// other is a mistake of the caller, or the death of the program.
func (p *Program) Ask(to Recipient, op string, request, result any) error {
	return p.ask(line{To: to, Op: op, Request: request}, result)
}

// Time has an operation done repeat times, which must be 1 at least, and returns how
// long each took by itself: decoding of the request, encoding of the result and the way
// between the processes are not counted. A run that ends in a refusal counts like others.
func (p *Program) Time(to Recipient, op string, request any, repeat int) ([]time.Duration, error) {
	var micros []float64
	if err := p.ask(line{To: to, Op: op, Request: request, Repeat: repeat}, &micros); err != nil {
		return nil, err
	}
	times := make([]time.Duration, len(micros))
	for i, us := range micros {
		times[i] = time.Duration(us * float64(time.Microsecond))
	}
	return times, nil
}

func (p *Program) ask(request line, result any) error {
	encoded, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("encoding a request for the Rust program: %w", err)
	}
	text, err := p.exchange(encoded)
	if err != nil {
		return fmt.Errorf("asking the Rust program to %s: %w\n%s", request.Op, err, encoded)
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		return fmt.Errorf("decoding an answer of the Rust program: %w", err)
	}
	switch {
	case a.Refused != nil:
		return a.Refused
	case a.OK == nil:
		return fmt.Errorf("asking the Rust program to %s: %s\n%s", request.Op, a.Fault, encoded)
	case result == nil:
		return nil
	}
	if err := json.Unmarshal(a.OK, result); err != nil {
		return fmt.Errorf("decoding an answer of the Rust program: %w", err)
	}
	return nil
}

// exchange writes one line and reads one.
func (p *Program) exchange(request []byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := p.in.Write(append(request, '\n')); err != nil {
		return nil, err
	}
	return p.out.ReadBytes('\n')
}
