package runner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"frostkit/ceremony"
	"frostkit/docs"
	"frostkit/internal/nearmiss"
)

// topic is a document that is asked for: frostkit help TOPIC.
func (e *Env) topic(args []string) (text []byte, ok bool) {
	if e.called != frostkit || len(args) != 2 || args[0] != "help" {
		return nil, false
	}
	return docs.Topic(args[1])
}

func (e *Env) printTopic(text []byte) error {
	_, err := e.Stdout.Write(text)
	return err
}

// lacksCommand reports whether the command line ends where a command belongs.
func lacksCommand(err *kong.ParseError) bool {
	return strings.HasPrefix(err.Error(), "expected one of ") && !slices.ContainsFunc(err.Context.Args, isFlag)
}

func isFlag(arg string) bool { return strings.HasPrefix(arg, "-") }

// shortHelp is for who names no command. It goes to standard error and the exit code is that of a wrong
// command line, as with most tools: a script whose variable was empty has done nothing.
func (e *Env) shortHelp(args []string) (code int) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(exited); !ok {
				panic(r)
			}
		}
		code = ExitUsage
	}()
	parser, err := kong.New(grammar(e.called), append(e.kongOptions(), kong.Writers(e.Stderr, e.Stderr))...)
	if err == nil {
		_, _ = parser.Parse(append(slices.Clone(args), "--help")) // returns only where standard error takes nothing
	}
	return ExitUsage
}

// suggestCommand adds to the error about a word that is no argument the command beside the selected one that
// may be meant: of a group of commands one may be left out.
func suggestCommand(selected *kong.Node, err error) error {
	word, ok := strings.CutPrefix(err.Error(), "unexpected argument ")
	if !ok || selected.Parent == nil {
		return err
	}
	var names []string
	for _, command := range selected.Parent.Children {
		names = append(names, command.Name)
	}
	if near := nearmiss.Of(word, names); near != "" {
		return fmt.Errorf("%w, did you mean %q?", err, near)
	}
	return err
}

// nearName asks whether another name was meant with a flag, where one is like it; else it is "".
func nearName(flag, name string, known []string) string {
	near := nearmiss.Of(name, known)
	if near == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %s %s?", flag, ceremony.Quote(near))
}

// nearFile asks whether another file was meant, where one is named like it; else it is "".
func nearFile(path string) string {
	near := nearmiss.File(path)
	if near == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", near)
}

// sentences joins those that are not empty.
func sentences(all ...string) string {
	return strings.Join(slices.DeleteFunc(all, func(s string) bool { return s == "" }), " ")
}
