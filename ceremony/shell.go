package ceremony

import (
	"regexp"
	"strings"
)

// shellCommand is a command line as words that are quoted already.
type shellCommand []string

func command(subcommand string) shellCommand { return shellCommand{"frostkit", subcommand} }

// arg adds a word.
func (c shellCommand) arg(word string) shellCommand { return append(c, Quote(word)) }

// flag adds a flag whose value does not begin with a dash.
func (c shellCommand) flag(name, value string) shellCommand { return c.arg(name).arg(value) }

// longFlag adds a flag with any value: one that begins with a dash is joined to
// the long name, since it would be taken for a flag of its own.
func (c shellCommand) longFlag(short, long, value string) shellCommand {
	if strings.HasPrefix(value, "-") {
		return c.arg(long + "=" + value)
	}
	return c.flag(short, value)
}

// substituted returns a word that stands for the output of the command.
func (c shellCommand) substituted() string { return `"$(` + c.String() + `)"` }

func (c shellCommand) String() string { return strings.Join(c, " ") }

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// Quote returns a word for a POSIX shell (IEEE Std 1003.1, Shell Command
// Language, Section 2.2.2) that expands to exactly s. s holds no NUL.
func Quote(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
