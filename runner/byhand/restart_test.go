package byhand

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"frostkit/frost"
	"frostkit/runner/input"
)

// coordinated is a coordinator of two signers of the group in dir.
type coordinated struct {
	address string
	done    chan error
	path    string        // of the signature
	awaited chan struct{} // has a value for each signer who is to be started again
}

func coordinate(t *testing.T, dir, public string) *coordinated {
	t.Helper()
	listening := make(chan string, 1)
	c := &coordinated{done: make(chan error, 1), awaited: make(chan struct{}, 9), path: filepath.Join(t.TempDir(), "signature")}
	message := filepath.Join(dir, "message")
	if err := os.WriteFile(message, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := console("")
	at.Log = &watched{text: "to be started again", seen: func() { c.awaited <- struct{}{} }}
	go func() {
		c.done <- Coordinate(t.Context(), at, Coordinator{
			Ciphersuite: frost.Ed25519(), Address: "127.0.0.1:0", Signers: 2, PublicKeyPackage: public,
			Message: message, Signature: c.path, Listening: func(address string) { listening <- address },
		})
	}()
	select {
	case c.address = <-listening:
	case err := <-c.done:
		t.Fatal(err)
	}
	return c
}

// signer is a signer at a console. More is told of each package that has come.
func (c *coordinated) signer(t *testing.T, dir string, n int, more func()) *person {
	return sit(t, func(console *Console) error {
		console.Log = &watched{text: "Received: ", seen: more}
		return Participate(t.Context(), console, Participant{
			Ciphersuite: frost.Ed25519(), Random: rand.Reader, Address: c.address, KeyPackage: filepath.Join(dir, fmt.Sprintf("key-%d.json", n)),
		})
	})
}

// asked is closed once the screen shows the question.
func (p *person) asked() <-chan struct{} {
	seen := make(chan struct{})
	go func() { p.see("Do you want to sign it"); close(seen) }()
	return seen
}

// leaver is a signer who goes once the package is there, as somebody stopped does.
func (c *coordinated) leaver(t *testing.T, dir string, n int) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	in, typing := io.Pipe()
	defer typing.Close()
	asked := &watched{text: "Do you want to sign it", seen: leave}
	err := Participate(ctx, &Console{In: input.New(in), Out: asked, Log: io.Discard}, Participant{
		Ciphersuite: frost.Ed25519(), Random: rand.Reader, Address: c.address, KeyPackage: filepath.Join(dir, fmt.Sprintf("key-%d.json", n)),
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}

type watched struct {
	text string
	seen func()
}

func (w *watched) Write(b []byte) (int, error) {
	if strings.Contains(string(b), w.text) {
		w.seen()
	}
	return len(b), nil
}

// A signer who is stopped after it has got the package and started again is waited for, whether or not
// the other one has signed by then.
func TestSignerIsStartedAgain(t *testing.T) {
	dir := dealt(t)
	for name, signsFirst := range map[string]bool{"the other is asked": false, "the other has signed": true} {
		t.Run(name, func(t *testing.T) {
			c := coordinate(t, dir, filepath.Join(dir, "public.json"))
			packages := make(chan struct{}, 2)
			other := c.signer(t, dir, 1, func() { packages <- struct{}{} })
			asked, left := other.asked(), make(chan struct{})
			go func() { c.leaver(t, dir, 2); close(left) }()
			<-asked
			if signsFirst {
				other.enter("y")
			}
			<-left
			<-c.awaited
			if signsFirst {
				<-c.awaited
				if err := other.leave(); err != nil {
					t.Fatal(err)
				}
				other = c.signer(t, dir, 1, func() { packages <- struct{}{} })
				asked = other.asked()
			}
			again := c.signer(t, dir, 2, func() {})
			askedAgain := again.asked()
			<-askedAgain
			again.enter("y")
			<-asked
			<-packages
			<-packages // the void one and the next
			other.enter("y")
			for _, p := range []*person{other, again} {
				if err := p.leave(); err != nil {
					t.Error(err)
				}
			}
			if err := <-c.done; err != nil {
				t.Fatal(err)
			}
			mustVerify(t, dir, c.path)
		})
	}
}

func mustVerify(t *testing.T, dir, path string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "public.json"))
	if err != nil {
		t.Fatal(err)
	}
	public, err := frost.DecodePublicKeyPackageJSON(frost.Ed25519(), data)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := frost.DecodeSignature(frost.Ed25519(), raw)
	if err == nil {
		err = public.VerifyingKey().Verify([]byte("hello"), signature)
	}
	if err != nil {
		t.Error(err)
	}
}

// With the public key package of another group nobody who signs is blamed.
func TestPackageOfAnotherGroup(t *testing.T) {
	dir, other := dealt(t), dealt(t)
	c := coordinate(t, dir, filepath.Join(other, "public.json"))
	for n := range 2 {
		p := c.signer(t, dir, n+1, func() {})
		go func() { <-p.asked(); p.enter("y"); _ = p.leave() }()
	}
	var blame *frost.BlameError
	if err := <-c.done; !errors.Is(err, ErrOtherGroup) || errors.As(err, &blame) {
		t.Errorf("got %v, want ErrOtherGroup", err)
	}
}

// What a terminal may have cut is refused.
func TestCutLine(t *testing.T) {
	c := console(strings.Repeat("ab", 2047) + "\n")
	c.Cut = 4094
	config := Coordinator{Ciphersuite: frost.Ed25519()}
	if _, err := config.message(t.Context(), c); !errors.Is(err, ErrCut) {
		t.Errorf("got %v, want ErrCut", err)
	}
}

// A port that cannot be listened on is told from other errors.
func TestPortIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := listen(t.Context(), console(""), Coordinator{Address: l.Addr().String()}); !errors.Is(err, ErrListening) {
		t.Errorf("got %v, want ErrListening", err)
	}
}
