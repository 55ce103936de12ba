package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"frostkit/ceremony"
	"frostkit/keyring"
	"frostkit/relay"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
	"frostkit/runner/steps"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// call runs the program in this process and returns what it printed.
func call(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, talk bytes.Buffer
	code = Main(args, &Env{
		Context: t.Context(), Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &talk, Getenv: func(string) string { return "" },
	})
	return code, out.String(), talk.String()
}

func TestExitCodes(t *testing.T) {
	member := []protocol.Member{{Name: "Eve"}}
	for _, c := range []struct {
		err  error
		code int
		hint string
	}{
		{nil, ExitOK, ""},
		{failf(ExitUsage, "wrong").hint("do this"), ExitUsage, "do this"},
		{ceremony.Problems{{File: "a.yaml", Message: "bad"}}, ExitInput, "frostkit validate"},
		{&keyring.LockedError{}, ExitStorage, "run this again"},
		{fmt.Errorf("x: %w", keyring.ErrNotFound), ExitInput, "frostkit contacts"},
		{&os.PathError{Op: "open", Path: "x", Err: os.ErrPermission}, ExitStorage, ""},
		{protocol.ErrDeclined, ExitDeclined, ""},
		{&protocol.MissingError{Missing: member}, ExitMissing, "Eve"},
		{&protocol.CulpritError{Culprits: member}, ExitCulprit, "nothing of this session was kept"},
		{&protocol.CulpritError{Culprits: member, Phase: protocol.PhaseCertificate}, ExitCulprit, "the share that was stored is kept"},
		{&steps.NoSessionError{}, ExitMissing, "--wait"},
		{&steps.AmbiguousSessionError{}, ExitInput, "frostkit sessions"},
		{&steps.UnknownMemberError{}, ExitInput, "frostkit import"},
		{&steps.LostShareError{Err: relay.ErrSessionNotFound}, ExitDisagreed, "remove-group"},
		{&native.LostRecordError{Members: member}, ExitDisagreed, "frostkit recover"},
		{&relay.UnreachableError{Err: errors.New("refused")}, ExitUnreachable, "frostkit relay"},
		{&relay.CertificateError{Cause: relay.UnknownAuthority, Err: errors.New("x")}, ExitInput, "--ca FILE"},
		{&relay.CertificateError{Cause: relay.CertificateExpired, Err: errors.New("x")}, ExitInput, "clock"},
		{&relay.CertificateError{Cause: relay.WrongName, Err: errors.New("x")}, ExitInput, "cert make"},
		{relay.ErrSessionNotFound, ExitRefused, "frostkit sessions"},
		{&relay.APIError{Code: 1}, ExitRefused, ""},
		{context.DeadlineExceeded, ExitUnreachable, ""},
		{errors.New("something else"), ExitInput, ""},
	} {
		var talk bytes.Buffer
		if code := printError(&talk, "frostkit", c.err); code != c.code || !strings.Contains(talk.String(), c.hint) {
			t.Errorf("%T %v: exit code %d, printed %q; want %d with %q", c.err, c.err, code, talk.String(), c.code, c.hint)
		}
	}
}

func TestCalledAs(t *testing.T) {
	for path, want := range map[string]applet{
		"frostkit": frostkit, "/usr/bin/frost-client": frostClient, "./frostd": frostd, "mkcert.exe": mkcert,
		"x/tq": tq, "frost-verify": frostVerify, "renamed": frostkit,
	} {
		if got := calledAs(path); got != want {
			t.Errorf("called as %q it is %q, want %q", path, got, want)
		}
	}
}

func TestIsText(t *testing.T) {
	for message, want := range map[string]bool{
		"": false, "a line\n": true, "Čeština\tmá háčky\n": true, "bell\a": false, "\x1b[31mred": false,
		"\xff": false, "over\u202eride": false, "null\x00": false, "carriage\rreturn": false,
	} {
		if got := isText([]byte(message)); got != want {
			t.Errorf("isText(%q) = %t, want %t", message, got, want)
		}
	}
}

func TestReviewHidesNothing(t *testing.T) {
	var out bytes.Buffer
	(&Env{}).showReview(&out, protocol.Review{
		Messages: [][]byte{[]byte("pay 5\nGroup x\n"), {0, 1}}, Aux: []byte{0xab},
		Coordinator: protocol.Member{Name: "Eve\x1b[2J"}, Signers: []protocol.Member{{Name: "Bob"}},
	})
	for _, want := range []string{
		"Message 1 of 2:", "70617920350a47726f757020780a", "\n  | pay 5\n  | Group x\n", "14 bytes, SHA-256 ", "Message 2 of 2:", "0001", "not text", "ab\n", "Bob",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("review lacks %q:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Errorf("review prints an escape sequence: %q", out.String())
	}
}

func TestApproveTakesOnlyYes(t *testing.T) {
	for answer, want := range map[string]bool{
		"y\n": true, "yes\n": true, "Y\n": true, "n\n": false, "": false, "\n": false, "yess\n": false, "y": true,
	} {
		e := &Env{Stdin: strings.NewReader(answer), Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}}
		err := e.approve(t.Context(), protocol.Review{Messages: [][]byte{[]byte("m")}})
		if (err == nil) != want {
			t.Errorf("answer %q: %v, want approval %t", answer, err, want)
		}
	}
}

func TestHelpOfEveryName(t *testing.T) {
	for _, name := range append(linked, frostkit) {
		code, out, talk := call(t, "", string(name), "--help")
		if code != ExitOK || !strings.HasPrefix(out, "Usage: "+string(name)) || talk != "" {
			t.Errorf("%s --help: exit code %d, printed %q, said %q", name, code, out, talk)
		}
	}
}

func TestRunTwiceInOneProcess(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CAROOT", filepath.Join(dir, "caroot"))
	file, err := filepath.Abs("../examples/joint-account.yaml")
	if err != nil {
		t.Fatal(err)
	}
	code, first, talk := call(t, "", "frostkit", "run", "--dir", dir, file)
	if code != ExitOK || !strings.Contains(first, "valid") {
		t.Fatalf("exit code %d, printed %q, said %q", code, first, talk)
	}
	code, second, talk := call(t, "", "frostkit", "run", "--dir", dir, file)
	if code != ExitOK || second != first || !strings.Contains(talk, "Nothing to do") {
		t.Errorf("again: exit code %d, printed %q, said %q", code, second, talk)
	}
}

// trigger is an output that does something when a text is printed.
type trigger struct {
	text string
	do   func()
}

func (t trigger) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(t.text)) {
		t.do()
	}
	return len(b), nil
}

// Interrupted while it waits, a run ends cleanly and says how to go on.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	file, err := filepath.Abs("../examples/joint-account.yaml")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var talk bytes.Buffer
	code := Main([]string{"frostkit", "run", "--dir", dir, "--events", "-", file}, &Env{
		Context: ctx, Stdin: strings.NewReader(""), Stdout: trigger{`"does":"waiting","phase":"round 1"`, cancel}, Stderr: &talk,
		Getenv: func(string) string { return "" },
	})
	if ctx.Err() == nil {
		t.Fatal("the run did not wait")
	}
	if code != ExitInterrupted || !strings.Contains(talk.String(), "error: interrupted") ||
		!strings.Contains(talk.String(), "run the same command again") {
		t.Errorf("exit code %d, said %q", code, talk.String())
	}
	if code, _, talk := call(t, "", "frostkit", "run", "--dir", dir, file); code != ExitOK {
		t.Errorf("again: exit code %d, said %q", code, talk)
	}
}

// A question whose time is over leaves the next one its answer.
func TestApproveAgain(t *testing.T) {
	in, typing := io.Pipe()
	defer typing.Close()
	asked := make(chan struct{}, 1)
	e := &Env{Stdin: in, Stdout: io.Discard, Stderr: trigger{"Do you want to sign it?", func() { asked <- struct{}{} }}}
	first, end := context.WithCancel(t.Context())
	go func() {
		<-asked
		end()
		<-asked
		_, _ = io.WriteString(typing, "y\n")
	}()
	if err := e.approve(first, protocol.Review{Messages: [][]byte{[]byte("m")}}); !errors.Is(err, context.Canceled) {
		t.Errorf("the first question: %v", err)
	}
	if err := e.approve(t.Context(), protocol.Review{Messages: [][]byte{[]byte("m")}}); err != nil {
		t.Errorf("the second question: %v", err)
	}
}

// While one member here is asked, the others wait, and who is no longer meant to
// be asked is not.
func TestMembersAreAskedInTurn(t *testing.T) {
	in, typing := io.Pipe()
	defer typing.Close()
	var talk bytes.Buffer // each turn's, as nobody else writes
	asked := make(chan struct{}, 1)
	e := &Env{Stdin: in, Stdout: io.Discard, Stderr: io.MultiWriter(&talk, trigger{"Do you want to sign it?", func() { asked <- struct{}{} }})}
	r := &run{scene: &scene{env: e, file: &ceremony.File{}}, display: &display{out: io.Discard}}
	prompt := func(ctx context.Context, name string) error {
		return r.prompt(ctx, ceremony.Signing{}, ceremony.Member{Name: name}, protocol.Review{Messages: [][]byte{[]byte(name)}})
	}
	ctx, cancel := context.WithCancel(t.Context())
	answers := make(chan error, 2)
	go func() { answers <- prompt(t.Context(), "Alice") }()
	<-asked
	go func() { answers <- prompt(ctx, "Bob") }()
	cancel()
	if err := <-answers; !errors.Is(err, context.Canceled) {
		t.Errorf("Bob: %v", err)
	}
	if _, err := io.WriteString(typing, "y\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-answers; err != nil || strings.Contains(talk.String(), "Bob") {
		t.Errorf("Alice: %v, said %q", err, talk.String())
	}
}
