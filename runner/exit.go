package runner

import (
	"errors"
	"fmt"
	"io"

	"frostkit/ceremony"
	"frostkit/internal/shown"
	"frostkit/keyring"
	"frostkit/runner/protocol/native"
)

// Exit codes, the same for every subcommand.
const (
	ExitOK          = 0  // done
	ExitFailed      = 1  // the answer is no: a signature does not verify
	ExitUsage       = 2  // the command line is wrong
	ExitInput       = 3  // a file, a value or a certificate is bad
	ExitRefused     = 4  // the relay refused
	ExitUnreachable = 5  // the relay cannot be reached; run again
	ExitMissing     = 6  // members are missing at the deadline
	ExitCulprit     = 7  // a member broke the protocol
	ExitDeclined    = 8  // somebody declined
	ExitStorage     = 9  // reading or writing a file of ours
	ExitDisagreed   = 10 // the members did not agree
	ExitInterrupted = 130
)

// Failure is an error with the code to exit with and what to do next.
type Failure struct {
	Code int
	Err  error
	Hint string // one sentence or command, or empty

	// Of ExitMissing: who is missing, in which phase, and what each is to run.
	Missing   []string
	Phase     string
	Reminders []reminder
}

// Error returns the text of the error, without the hint.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns the error.
func (f *Failure) Unwrap() error { return f.Err }

// failf makes a Failure without a hint.
func failf(code int, format string, args ...any) *Failure {
	return &Failure{Code: code, Err: fmt.Errorf(format, args...)}
}

// hint adds what to do next.
func (f *Failure) hint(format string, args ...any) *Failure {
	f.Hint = fmt.Sprintf(format, args...)
	return f
}

// printError prints err as every command does, and returns the code to exit with.
func printError(w io.Writer, name string, err error) int {
	if err == nil {
		return ExitOK
	}
	failure := classify(err)
	if !errors.Is(failure, errReported) {
		fmt.Fprintf(w, "%s: error: %s\n", name, errorText(failure.Err))
	}
	if failure.Hint != "" {
		fmt.Fprintf(w, "%s: hint: %s\n", name, shown.Indented(failure.Hint))
	}
	for _, c := range failure.Reminders {
		fmt.Fprintf(w, "  %s: %s\n", keyring.EscapeName(c.Member), shown.Escape(c.Command))
	}
	return failure.Code
}

// errorText is an error for people. One that lists nothing has one line, whatever it quotes.
func errorText(err error) string {
	var problems ceremony.Problems
	var differ *native.AgreementError
	var several interface{ Unwrap() []error }
	switch {
	case errors.As(err, &problems): // each of which is a line that editors can follow
		return shown.Lines(err.Error())
	case errors.As(err, &differ), errors.As(err, &several):
		return shown.Indented(err.Error())
	}
	return shown.Line(err.Error(), shown.MaxLine)
}

// ExitCode returns the code with which a command exits that ends with err.
func ExitCode(err error) int {
	if err == nil {
		return ExitOK
	}
	return classify(err).Code
}

// errReported is wrapped by failures that have printed what there is to say.
var errReported = errors.New("reported")
