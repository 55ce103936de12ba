package paste

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"frostkit/commkey"
	"frostkit/runner/input"
)

const (
	maxLine  = 1 << 14                                             // bytes of a line that are looked at
	maxBlock = (maxBody/3+1)*4*(columns+1)/columns + 8*(columns+1) // bytes of a block's text
)

// DamageError reports a block that cannot be read. What follows it can.
type DamageError struct {
	// From is whom the block says it is from; zero where that cannot be read.
	From commkey.PublicKey
	// Err says what is wrong with the block.
	Err error
}

// Error says what is wrong with the block.
func (e *DamageError) Error() string { return fmt.Sprintf("reading a pasted block: %v", e.Err) }

// Unwrap returns the reason.
func (e *DamageError) Unwrap() error { return e.Err }

var (
	errNoEnd   = errors.New("its END line is missing")
	errTooLong = fmt.Errorf("it is longer than %d bytes", maxBlock)
)

// The lines around a block. Word processors make one dash of several, and chats
// put time and sender before the first line of what they copy.
var (
	beginLine = regexp.MustCompile(`[-–—] ?BEGIN ` + marker + ` ?[-–—]+$`)
	endLine   = regexp.MustCompile(`^[-–—]+ ?END ` + marker + ` ?[-–—]`)
)

// Scanner finds the blocks in pasted text.
type Scanner struct {
	next   func() (string, error)
	inside bool     // after a BEGIN line
	lines  []string // of the block so far
	size   int      // bytes of them
}

// NewScanner returns a Scanner of the text whose lines next returns, as
// [input.Lines.Next] does.
func NewScanner(next func() (string, error)) *Scanner { return &Scanner{next: next} }

// Next returns the next block, or the next line that belongs to none, without
// quotation marks and white space around it. It fails with a [*DamageError] on
// a block that cannot be read, after which it may be called again, and with the
// error of the lines, which is final.
func (s *Scanner) Next() (block *Block, text string, err error) {
	for {
		line, err := s.line()
		switch {
		case err != nil && s.inside:
			return nil, "", s.giveUp(errNoEnd)
		case err != nil:
			return nil, "", err
		case !strings.Contains(line, marker):
			if !s.inside {
				return nil, line, nil
			}
			s.keep(line)
		case beginLine.MatchString(line):
			unfinished := s.inside
			damage := s.giveUp(errNoEnd)
			s.inside = true
			if unfinished {
				return nil, "", damage
			}
		case s.inside && endLine.MatchString(line):
			return s.finish()
		case !s.inside:
			return nil, line, nil
		default:
			s.keep(line)
		}
	}
}

// line reads a line and cleans it. Of one that is too long it returns the
// beginning.
func (s *Scanner) line() (string, error) {
	text, err := s.next()
	if err != nil && !errors.Is(err, input.ErrTooLong) {
		return "", err
	}
	return clean(text[:min(len(text), maxLine)]), nil
}

// clean takes away what mail and chat programs put around and into lines:
// quotation marks, white space, and characters that do not show.
func clean(line string) string {
	line = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r): // zero-width spaces, marks of direction and byte order
			return -1
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, line)
	return strings.TrimRight(strings.TrimLeft(line, " \t>|"), " \t\r")
}

// keep adds a line to the block, unless that has become too long.
func (s *Scanner) keep(line string) {
	if s.size += len(line) + 1; line != "" && s.size <= maxBlock {
		s.lines = append(s.lines, line)
	}
}

// finish reads the block whose END line has come.
func (s *Scanner) finish() (*Block, string, error) {
	if s.size > maxBlock {
		return nil, "", s.giveUp(errTooLong)
	}
	block, err := decode(s.lines)
	if err != nil {
		return nil, "", s.giveUp(err)
	}
	s.reset()
	return block, "", nil
}

// giveUp leaves the block and says why.
func (s *Scanner) giveUp(reason error) *DamageError {
	damage := &DamageError{Err: reason}
	if len(s.lines) > 0 {
		if value, found := strings.CutPrefix(s.lines[0], "From: "); found {
			damage.From, _ = parseKey(value)
		}
	}
	s.reset()
	return damage
}

func (s *Scanner) reset() { s.inside, s.lines, s.size = false, nil, 0 }
