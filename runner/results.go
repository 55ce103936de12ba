package runner

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
)

// results is standard output. Commands print on it without a look at each error: it remembers the first one, takes
// nothing after it, and the program asks for it once at the end.
type results struct {
	mu  sync.Mutex
	out io.Writer
	err error // the first one
}

// errUnprinted is wrapped by the error of a result that standard output did not take.
var errUnprinted = errors.New("writing to standard output")

// Write fails with the first error from then on: what follows a gap would be taken for the whole.
func (r *results) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.out.Write(p)
	if err != nil {
		r.err = unprinted(err)
	}
	return n, r.err
}

func unprinted(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		err = of.Err // whose path is a name that people have not given
	}
	return (&Failure{Code: ExitStorage, Err: fmt.Errorf("%w: %w", errUnprinted, err)}).
		hint("make room or name another file, then run the command again; what was saved is safe")
}

// failure is the first error, nil where all was written.
func (r *results) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// checked runs what prints results and returns the code to exit with. A result that is lost is a failure also of a
// command that did its work, or whose answer was no; any other failure keeps its own code.
func (e *Env) checked(work func() (code int, told error)) int {
	out := &results{out: e.Stdout}
	e.Stdout = out
	defer func() { e.Stdout = out.out }()
	code, told := work()
	lost := out.failure()
	if lost == nil || (errors.Is(told, errUnprinted) && !errors.Is(told, errReported)) {
		return code
	}
	lostCode := printError(e.Stderr, string(e.called), lost)
	if code == ExitOK || code == ExitFailed {
		return lostCode
	}
	return code
}
