package runner

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"frostkit/docs"
)

var descriptions = map[applet]string{
	frostkit: "Threshold signatures (FROST, RFC 9591): t of n members sign together with one key that nobody holds. " +
		"frostkit help TOPIC prints more about " + strings.Join(docs.Topics(), ", ") + ".",
	frostClient: "Keys, contacts, distributed key generation and signing, with frost-client's commands and words.",
	frostd:      "The relay, with frostd's flags.",
	frostVerify: "Verification of FROST signatures, with frost-verify's commands.",
	mkcert:      "Certificates from a local CA, with mkcert's file names and its flags -install, -uninstall, -CAROOT, -cert-file and -key-file.",
	tq:          "Values from TOML files, with tq's flags.",

	dealerAlone:      "A group by a trusted dealer, into JSON files. For tests: the dealer sees the whole key.",
	dkgAlone:         "One member's part in a distributed key generation, each package carried by hand.",
	coordinatorAlone: "A signature from signers who connect, or whose packages are carried by hand.",
	participantAlone: "One signer's part, over a connection to the coordinator or by hand.",
}

var helpGroups = []kong.Group{
	{Key: "ceremony", Title: "Ceremonies, from a ceremony file:"},
	{Key: "keyring", Title: "Keys and contacts:"},
	{Key: "group", Title: "Groups and signing:"},
	{Key: "relay", Title: "Relay and certificates:"},
	{Key: "limits", Title: "Limits, each above zero:"},
	{Key: "tools", Title: "Looking at things:"},
}

// keyringCommands are the commands over one member's credentials file, shared
// by frostkit and frost-client.
type keyringCommands struct {
	Init          initCommand          `cmd:"" group:"keyring" help:"Make a communication key pair and write it to the credentials file."`
	Export        exportCommand        `cmd:"" group:"keyring" help:"Print the contact string to give to the other members."`
	Import        importCommand        `cmd:"" group:"keyring" help:"Add another member's contact string to the contacts."`
	Contacts      contactsCommand      `cmd:"" group:"keyring" help:"List the contacts."`
	RemoveContact removeContactCommand `cmd:"" group:"keyring" help:"Remove a contact."`
}

// groupCommands are the commands over groups and sessions, shared by frostkit
// and frost-client.
type groupCommands struct {
	Groups        groupsCommand        `cmd:"" group:"group" help:"List the groups that this member is in."`
	RemoveGroup   removeGroupCommand   `cmd:"" group:"group" help:"Remove a group, and with it this member's share."`
	Sessions      sessionsCommand      `cmd:"" group:"group" help:"List this member's open sessions at a relay."`
	TrustedDealer trustedDealerCommand `cmd:"" group:"group" help:"Make a group by a trusted dealer. For tests: the dealer sees the whole key."`
	DKG           dkgCommand           `cmd:"" name:"dkg" group:"group" help:"Make a group by distributed key generation."`
	Coordinator   coordinatorCommand   `cmd:"" group:"group" help:"Open a signing session and collect the signature."`
	Participant   participantCommand   `cmd:"" group:"group" help:"Take part in a signing session."`
}

type frostkitGrammar struct {
	Validate validateCommand `cmd:"" group:"ceremony" help:"Check a ceremony file and list everything that is wrong with it."`
	Schema   schemaCommand   `cmd:"" group:"ceremony" help:"Print the JSON Schema of ceremony files, for editors."`
	Plan     planCommand     `cmd:"" group:"ceremony" help:"Print the steps of a ceremony, the commands they stand for, and what is done."`
	Check    checkCommand    `cmd:"" group:"ceremony" help:"Check, before the day, everything that a run of a ceremony will need."`
	Run      runCommand      `cmd:"" group:"ceremony" help:"Carry out what a ceremony file describes and is not yet done."`

	Allow allowCommand `cmd:"" group:"ceremony" help:"Show what a ceremony file asks for beyond its folder, and allow it."`

	Rehearse       rehearseCommand       `cmd:"" group:"ceremony" help:"Try a ceremony out in this process alone, with faults and members who lie if you want."`
	VerifyCeremony verifyCeremonyCommand `cmd:"" group:"ceremony" help:"Verify the certificate of a ceremony, with nothing else."`
	Recover        recoverCommand        `cmd:"" group:"ceremony" help:"Make a lost share again from a ceremony's certificate, the member's bundle and its communication key."`

	keyringCommands
	groupCommands

	Relay relayCommands `cmd:"" group:"relay" help:"Run the relay that members talk through (frostd)."`
	Cert  certCommands  `cmd:"" group:"relay" help:"Make certificates from the local CA (mkcert)."`

	Verify   verifyCommand   `cmd:"" group:"tools" help:"Verify a signature (frost-verify verify)."`
	TestSign testSignCommand `cmd:"" group:"tools" help:"Make a test key and a signature by it (frost-verify test-sign)."`
	Show     showCommands    `cmd:"" group:"tools" help:"Show a group or a public key package in the clear."`
	Get      getCommand      `cmd:"" group:"tools" help:"Print a value of a TOML file (tq)."`
	Link     linkCommand     `cmd:"" group:"tools" help:"Make links to this program, named frost-client, frostd, frost-verify, mkcert, tq, trusted-dealer, dkg, coordinator and participant."`

	versionFlag
}

type frostClientGrammar struct {
	keyringCommands
	groupCommands
	versionFlag
}

type frostVerifyGrammar struct {
	Verify   verifyCommand   `cmd:"" help:"Verify a signature."`
	TestSign testSignCommand `cmd:"" help:"Make a test key and a signature by it."`
	versionFlag
}

type versionFlag struct {
	Version kong.VersionFlag `short:"V" help:"Print the version and exit."`
}

// grammar returns a fresh command line for the applet.
func grammar(a applet) any {
	switch a {
	case frostClient:
		return &frostClientGrammar{}
	case frostd:
		return &struct {
			relayCommand
			versionFlag
		}{}
	case frostVerify:
		return &frostVerifyGrammar{}
	case mkcert:
		return &struct {
			mkcertCommand
			versionFlag
		}{}
	case tq:
		return &struct {
			getCommand
			versionFlag
		}{}
	case dealerAlone:
		return &struct {
			dealerTool
			versionFlag
		}{}
	case dkgAlone:
		return &struct {
			dkgTool
			versionFlag
		}{}
	case coordinatorAlone:
		return &struct {
			coordinatorTool
			versionFlag
		}{}
	case participantAlone:
		return &struct {
			participantTool
			versionFlag
		}{}
	default:
		return &frostkitGrammar{}
	}
}

// mkcertFlags are the long flags that mkcert writes with a single dash.
var mkcertFlags = map[string]string{
	"-install": "--install", "-uninstall": "--uninstall", "-CAROOT": "--caroot",
	"-cert-file": "--cert-file", "-key-file": "--key-file", "-help": "--help", "-version": "--version",
}

// translate turns the arguments of an applet into those that its grammar has.
func (e *Env) translate(args []string) []string {
	switch e.called {
	case frostkit, frostClient, frostVerify:
		return wordsToFlags(args)
	case mkcert:
		return longFlags(args)
	default:
		return args
	}
}

// wordsToFlags takes the commands help and version for the flags of these names.
func wordsToFlags(args []string) []string {
	switch {
	case len(args) > 0 && args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	case len(args) == 1 && args[0] == "version":
		return []string{"--version"}
	}
	return args
}

// longFlags writes mkcert's flags with two dashes.
func longFlags(args []string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		name, value, hasValue := strings.Cut(arg, "=")
		if long, ok := mkcertFlags[name]; ok {
			name = long
		}
		out[i] = name
		if hasValue {
			out[i] += "=" + value
		}
	}
	return out
}

// configFlag names the credentials file that most commands work on.
type configFlag struct {
	Config string `short:"c" placeholder:"FILE" help:"Credentials file; by default frost/credentials.toml in the user's configuration folder."`
}

type jsonFlag struct {
	JSON bool `name:"json" help:"Print the result as one JSON document on standard output."`
}
