// Package runner is frostkit's command line: it parses the arguments, carries
// out the steps, asks the questions and says what happened.
//
// Results go to standard output, talk and progress to standard error, and
// every failure has an exit code of its own (ExitInput and the others). Called
// by the name of one of the tools that frostkit stands in for, it takes that
// tool's flags and speaks its words.
package runner

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"reflect"
	"syscall"

	"github.com/alecthomas/kong"

	"frostkit/relay"
)

// Version is frostkit's version, as `frostkit --version` prints it.
const Version = "0.1.0"

// Main runs the program with the given arguments, the program's own name
// first, and returns the code to exit with. The first SIGINT or SIGTERM ends
// what goes on and all questions; a second one kills the process, whatever that
// still waits for. A hangup ends it likewise, but under nohup and of a relay.
func Main(args []string, env *Env) int {
	env.called = calledAs(args[0])
	ctx, stop := signal.NotifyContext(env.Context, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from then on signals do what they do to any process
	env.Context = ctx
	return env.run(args[1:])
}

// exited is what kong's exit function panics with, because it must not return.
type exited int

func (e *Env) run(args []string) int {
	return e.checked(func() (int, error) { return e.carryOut(args) })
}

// carryOut runs a command. It returns the code to exit with and the error that it has told.
func (e *Env) carryOut(args []string) (code int, err error) {
	defer func() {
		if r := recover(); r != nil {
			status, ok := r.(exited)
			if !ok {
				panic(r)
			}
			code = int(status)
		}
	}()
	parser, err := kong.New(grammar(e.called), e.kongOptions()...)
	if err != nil {
		panic("runner: internal error: " + err.Error())
	}
	if topic, ok := e.topic(args); ok {
		err = e.printTopic(topic)
		return printError(e.Stderr, string(e.called), err), err
	}
	command, err := parser.Parse(e.translate(args))
	if err == nil {
		err = flagTwice(command)
	}
	if err != nil {
		return e.usageError(args, err), err
	}
	defer e.endAtHangup(command)()
	e.tellWaits()
	err = command.Run(e)
	if e.Context.Err() != nil && errors.Is(err, context.Canceled) {
		err = failf(ExitInterrupted, "interrupted").hint("what was saved is safe; run the same command again to go on")
	}
	return printError(e.Stderr, string(e.called), err), err
}

func (e *Env) kongOptions() []kong.Option {
	return []kong.Option{
		kong.Name(string(e.called)),
		kong.Description(descriptions[e.called]),
		kong.Vars{"version": string(e.called) + " " + versionText(e.called)},
		kong.Writers(e.Stdout, e.Stderr),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, FlagsLast: true}),
		kong.ExplicitGroups(helpGroups),
		kong.NamedMapper("size", kong.MapperFunc(decodeSize)),
	}
}

// decodeSize reads a flag of bytes, such as 192KiB.
func decodeSize(ctx *kong.DecodeContext, target reflect.Value) error {
	token, err := ctx.Scan.PopValue("size")
	if err != nil {
		return err
	}
	n, err := relay.ParseSize(token.String())
	if err != nil {
		return err
	}
	target.SetInt(int64(n))
	return nil
}

// flagTwice refuses a flag that is given again, but for lists: one of the two would be dropped without a word.
func flagTwice(command *kong.Context) error {
	seen := map[*kong.Flag]bool{}
	for _, part := range command.Path {
		flag := part.Flag
		if flag == nil || flag.IsCumulative() {
			continue
		}
		if seen[flag] {
			return fmt.Errorf("--%s is given twice", flag.Name)
		}
		seen[flag] = true
	}
	return nil
}

// usageError reports a command line that does not parse, with the help that
// would explain it.
func (e *Env) usageError(args []string, err error) int {
	if errors.Is(err, errUnprinted) { // by --help, which is carried out while arguments are parsed
		return printError(e.Stderr, string(e.called), err)
	}
	help := string(e.called) + " --help"
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil {
		if lacksCommand(parse) {
			return e.shortHelp(args)
		}
		if selected := parse.Context.Selected(); selected != nil {
			help, err = selected.FullPath()+" --help", suggestCommand(selected, err)
		}
	}
	return printError(e.Stderr, string(e.called), &Failure{Code: ExitUsage, Err: err, Hint: help})
}

func versionText(a applet) string {
	if a == frostkit {
		return Version
	}
	return "(frostkit " + Version + ")"
}
