package runner

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"syscall"

	"frostkit/frost"
	"frostkit/runner/byhand"
)

// suiteFlag names the ciphersuite of the stand-alone programs.
type suiteFlag struct {
	Ciphersuite string `short:"C" default:"ed25519" help:"Ciphersuite (${default})."`
}

func (c *suiteFlag) suite() (frost.Ciphersuite, error) {
	cs, err := frost.CiphersuiteByName(c.Ciphersuite)
	if err != nil {
		return nil, &Failure{Code: ExitUsage, Err: err}
	}
	return cs, nil
}

// console is where the stand-alone programs ask and tell.
func (e *Env) console() *byhand.Console {
	return &byhand.Console{In: e.input(), Out: e.Stdout, Log: e.talk(), Cut: e.cutLine()}
}

// byHandFailure gives the errors of the stand-alone programs their codes.
func byHandFailure(err error) error {
	var blame *frost.BlameError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, byhand.ErrDeclined):
		return &Failure{Code: ExitDeclined, Err: err}
	case errors.Is(err, byhand.ErrUnreachable):
		return (&Failure{Code: ExitUnreachable, Err: err}).hint("check the address (-i and -p), and that the coordinator is running; then run this again")
	case errors.Is(err, byhand.ErrExists):
		return failf(ExitStorage, "%w, and may hold what a group cannot do without", err).
			hint("nothing was made; use an empty folder, or name other files with -P and -k")
	case errors.Is(err, byhand.ErrCut):
		return (&Failure{Code: ExitInput, Err: err}).hint("pass a file with -m FILE")
	case errors.Is(err, byhand.ErrOtherGroup):
		return (&Failure{Code: ExitInput, Err: err}).hint("name the public key package of the signers' group with -P FILE")
	case errors.Is(err, byhand.ErrListening):
		return (&Failure{Code: ExitRefused, Err: err}).hint("%s", portHint(err))
	case errors.As(err, &blame):
		names := make([]string, len(blame.Culprits))
		for i, id := range blame.Culprits {
			names[i] = id.String()
		}
		return failf(ExitCulprit, "%s: %w", strings.Join(names, ", "), err)
	}
	return err
}

// portHint says what helps where a coordinator cannot listen.
func portHint(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "a port below 1024 needs root's rights here: name another one to all, coordinator -p 2744 and participant -p 2744"
	case errors.Is(err, syscall.EADDRINUSE):
		return "another program holds that port: name another one to all, coordinator -p PORT and participant -p PORT"
	}
	return "name an address of this machine with -i, and a port with -p"
}

// dealerTool is the stand-alone trusted-dealer.
type dealerTool struct {
	CLI              bool   `name:"cli" help:"Ask for everything and print everything."`
	PublicKeyPackage string `short:"P" default:"public-key-package.json" placeholder:"FILE" help:"Where to write the public key package; - prints it (${default})."`
	KeyPackage       string `short:"k" default:"key-package-{}.json" placeholder:"FILE" help:"Where to write the key packages; {} stands for the member's number, - prints them (${default})."`
	Threshold        int    `short:"t" default:"2" help:"How many members are needed to sign (${default})."`
	NumSigners       int    `short:"n" default:"3" help:"How many members there are (${default})."`
	Key              string `placeholder:"HEX" help:"Key to split, instead of a fresh one. Others on this machine can see it."`
	suiteFlag
}

// Run deals a group into files.
func (c *dealerTool) Run(e *Env) error {
	cs, err := c.suite()
	if err != nil {
		return err
	}
	return byHandFailure(byhand.Deal(e.Context, e.console(), byhand.Dealer{
		Ciphersuite: cs, Random: rand.Reader, Interactive: c.CLI, Threshold: c.Threshold, Members: c.NumSigners,
		Key: c.Key, PublicKeyPackage: c.PublicKeyPackage, SecretShare: c.KeyPackage,
	}))
}

// dkgTool is the stand-alone dkg.
type dkgTool struct{ suiteFlag }

// Run takes one member through a DKG by hand.
func (c *dkgTool) Run(e *Env) error {
	cs, err := c.suite()
	if err != nil {
		return err
	}
	return byHandFailure(byhand.Generate(e.Context, e.console(), cs, rand.Reader))
}

// coordinatorTool is the stand-alone coordinator.
type coordinatorTool struct {
	CLI              bool   `name:"cli" help:"Ask for the signers' packages instead of waiting for connections."`
	NumSigners       int    `short:"n" default:"0" help:"How many sign; 0 asks."`
	PublicKeyPackage string `short:"P" default:"public-key-package.json" placeholder:"FILE" help:"Public key package (${default})."`
	Message          string `short:"m" placeholder:"FILE" help:"The message; - or nothing reads it from standard input in hexadecimal."`
	Signature        string `short:"s" placeholder:"FILE" help:"Where to write the raw signature; - or nothing prints it in hexadecimal."`
	IP               string `name:"ip" short:"i" default:"0.0.0.0" help:"Address to listen on (${default})."`
	Port             int    `short:"p" default:"443" help:"Port to listen on (${default})."`
	Ready            string `name:"ready-file" placeholder:"FILE" help:"Write the address to this file once signers can connect."`
	suiteFlag
}

// Run collects a signature, by hand or over TCP.
func (c *coordinatorTool) Run(e *Env) error {
	cs, err := c.suite()
	if err != nil {
		return err
	}
	return byHandFailure(byhand.Coordinate(e.Context, e.console(), byhand.Coordinator{
		Ciphersuite: cs, Interactive: c.CLI, Address: net.JoinHostPort(c.IP, strconv.Itoa(c.Port)), Signers: c.NumSigners,
		PublicKeyPackage: c.PublicKeyPackage, Message: c.Message, Signature: c.Signature, Listening: c.announce(e),
	}))
}

func (c *coordinatorTool) announce(e *Env) func(string) {
	return func(address string) {
		if c.Ready == "" {
			return
		}
		if err := writeFile(c.Ready, []byte(address+"\n")); err != nil {
			e.say("%v", err)
		}
	}
}

// participantTool is the stand-alone participant.
type participantTool struct {
	CLI        bool   `name:"cli" help:"Print and ask for the packages instead of connecting to the coordinator."`
	KeyPackage string `short:"k" default:"key-package-1.json" placeholder:"FILE" help:"The member's key package or secret share (${default})."`
	IP         string `name:"ip" short:"i" default:"127.0.0.1" help:"The coordinator's address (${default})."`
	Port       int    `short:"p" default:"443" help:"The coordinator's port (${default})."`
	suiteFlag
}

// Run signs one message, after asking.
func (c *participantTool) Run(e *Env) error {
	cs, err := c.suite()
	if err != nil {
		return err
	}
	return byHandFailure(byhand.Participate(e.Context, e.console(), byhand.Participant{
		Ciphersuite: cs, Random: rand.Reader, Interactive: c.CLI, KeyPackage: c.KeyPackage,
		Address: net.JoinHostPort(c.IP, strconv.Itoa(c.Port)), Show: func(message []byte) { showMessage(e.Stdout, message) },
	}))
}
