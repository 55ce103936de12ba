package ceremony

import "regexp"

// The tables below are the one description of the ceremony file's form. The
// reader takes from them which keys there are, which are required and which
// words and numbers are allowed; [Schema] and docs/ceremony-file.md are made of
// them.

// kind says what a value is.
type kind int

const (
	isText kind = iota
	isNumber
	isList    // of values of one shape
	isMapping // from names to values of one shape
	isObject  // a mapping with known keys
	isEither  // one of several shapes
)

// shape is what a value must look like.
type shape struct {
	kind     kind
	called   string         // what the documentation calls it: "path"
	own      bool           // of text: each member's own affair, so that it may hold ${NAME}
	words    []string       // of text: the only ones there are
	form     *regexp.Regexp // of text, and of the names of a mapping
	min, max int            // of a number; of how many characters, elements or names, where max is not 0
	distinct bool           // of a list
	of       *shape         // of the elements of a list and the values of a mapping
	object   *object
	either   []*shape
}

// key is a key of an object.
type key struct {
	name     string
	required bool
	value    *shape
	standard string // what holds where the key is absent, as JSON; or ""
	about    string // Markdown
}

// object is a mapping whose keys are known.
type object struct {
	name  string // in the schema's $defs
	title string
	about string // Markdown
	keys  []key
	never []string // keys that exclude one another
}

func (o *object) names() (required, optional []string) {
	for _, k := range o.keys {
		if k.required {
			required = append(required, k.name)
		} else {
			optional = append(optional, k.name)
		}
	}
	return required, optional
}

// key returns the key with this name.
func (o *object) key(name string) *key {
	for i := range o.keys {
		if o.keys[i].name == name {
			return &o.keys[i]
		}
	}
	panic("ceremony: " + o.name + " has no key " + name)
}

// Forms that more than one place needs. They keep to what the regular
// expressions of Go and of JSON Schema (ECMA-262) have in common.
var (
	stepName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	memberName = regexp.MustCompile(`^[^ ./\\,-]([^/\\,]*[^ /\\,])?$`) // nameFault says the rest
	pathForm   = regexp.MustCompile(`[^/]$`)                           // pathFault says the rest
	hexDigest  = regexp.MustCompile(`^[0-9A-Fa-f]{64}$`)
	duration   = regexp.MustCompile(`^([0-9]{1,4}h)?([0-9]{1,5}m)?([0-9]{1,6}s)?$`)
	faultForm  = regexp.MustCompile(`^[a-z-]+:.+$`)
	oneLine    = regexp.MustCompile(`^[^\n\r\t]+$`)
)

var (
	nameShape        = &shape{called: "name", form: stepName}
	pathShape        = &shape{called: "path", form: pathForm, own: true}
	agreedPathShape  = &shape{called: "path", form: pathForm} // of which all members know the name
	durationShape    = &shape{called: "duration", form: duration, min: 2, max: 18, own: true}
	memberNames      = &shape{kind: isList, called: "list of members", of: &shape{called: "member"}, min: MinThreshold, max: MaxMembers, distinct: true}
	afterShape       = &shape{kind: isList, called: "list of names", of: nameShape, max: maxAfter, distinct: true}
	thresholdShape   = &shape{kind: isNumber, called: "number", min: MinThreshold, max: MaxMembers}
	descriptionShape = &shape{called: "text", form: oneLine}
	groupKeyShape    = &shape{called: "64 hexadecimal digits", form: hexDigest}
	recoveryShape    = &shape{called: "word", words: []string{string(RecoveryBundle)}}
)

var fileObject = &object{
	name: "file", title: "The file",
	about: "A ceremony: who its members are, how many of them must sign, over which relay they meet and what they sign.",
	never: []string{"group", "groups"},
	keys: []key{
		{"version", true, &shape{kind: isNumber, called: "number", min: Version, max: Version}, "", "The version of the ceremony file: 1."},
		{"ceremony", true, &shape{called: "name", form: ceremonyName}, "", "The ceremony's name: 1 to 64 letters, digits, dots, underscores and dashes, beginning with a letter or a digit."},
		{"ciphersuite", false, &shape{called: "word", words: suiteNames()}, `"` + suites[0].name + `"`, "The ciphersuite of RFC 9591."},
		{"protocol", false, &shape{called: "word", words: protocols}, `"` + string(DefaultProtocol) + `"`, "What the members speak: `frostkit`, where all run frostkit, or `frost-client`, where some run the Rust client."},
		{"threshold", true, thresholdShape, "", "How many members must sign: 2 to the number of members. With `groups:`, of those groups that have no threshold of their own."},
		{"server", false, &shape{kind: isObject, object: serverObject}, "{}", "The relay that the members meet at. Without it, or without a `url:`, the run starts one by itself, for members who are all run here."},
		{"members", true, &shape{kind: isMapping, called: "mapping of names to members", form: memberName, min: MinThreshold, max: MaxMembers, of: &shape{kind: isObject, object: memberObject}}, "", "The members by name, 2 to 255. Their order matters: the first one of a group opens its key generation. A name is text in any script, distinct without regard to case, without `/`, `\\` and commas, and does not begin with a dot or a dash."},
		{"group", false, &shape{kind: isObject, object: groupObject}, "{}", "The one group of the ceremony, of all members: the short form of `groups:`."},
		{"groups", false, &shape{kind: isMapping, called: "mapping of names to groups", form: stepName, min: 1, max: MaxMembers, of: &shape{kind: isObject, object: namedGroupObject}}, "", "Several groups, by name. Excludes `group:`."},
		{"recovery", false, recoveryShape, "", "For all groups what `recovery:` is for one."},
		{"sign", false, &shape{kind: isList, called: "list of signings", of: &shape{kind: isObject, object: signingObject}, max: MaxSignings}, "[]", "The messages to sign."},
		{"faults", false, &shape{kind: isList, called: "list of faults", of: &shape{called: "fault", form: faultForm, own: true}}, "[]", "What goes wrong in rehearsals (`frostkit rehearse`), each as `KIND:MEMBER[@PHASE][=ARGUMENT]`; `frostkit help rehearse` lists the kinds. A run takes no notice of them, and they are not part of the digest."},
		{"timeouts", false, &shape{kind: isObject, object: timeoutsObject}, "{}", "How long to wait. `frostkit run` has flags that override them."},
	},
}

// localObject is the file of one's own values.
var localObject = &object{
	name: "local", title: "Your own values",
	about: "What `--local FILE` names: values of your own, in the form of the ceremony file, whose values they replace. Paths are relative to this file's folder, and `${NAME}` stands for an environment variable in all of it.",
	keys: []key{
		{"version", false, &shape{kind: isNumber, called: "number", min: Version, max: Version}, "1", "The version of this file: 1."},
		{"server", false, &shape{kind: isObject, object: serverObject}, "{}", "The relay, as in the ceremony file."},
		{"members", false, &shape{kind: isMapping, called: "mapping of names to members", form: memberName, max: MaxMembers, of: &shape{kind: isObject, object: memberObject}}, "{}", "Members of the ceremony, as in the ceremony file: those of whom there is something to say."},
		{"sign", false, &shape{kind: isList, called: "list of signings", of: &shape{kind: isObject, object: localSigningObject}, max: MaxSignings}, "[]", "Signings of the ceremony: those of which there is something to say."},
		{"timeouts", false, &shape{kind: isObject, object: timeoutsObject}, "{}", "How long to wait, as in the ceremony file."},
	},
}

var localSigningObject = &object{
	name: "localSigning", title: "A signing, of your own values",
	about: "Your own values for one signing.",
	keys: []key{
		{"signing", true, &shape{kind: isEither, either: []*shape{{kind: isNumber, called: "number", min: 1, max: MaxSignings}, nameShape}}, "", "Which one: its number in the ceremony file, from 1, or its name."},
		{"message", false, pathShape, "", "Where the message is here."},
		{"sha256", false, &shape{called: "64 hexadecimal digits", form: hexDigest, own: true}, "", "The SHA-256 digest of the message that you will sign, as if the ceremony file had it for you alone."},
		{"output", false, pathShape, "", "Where the signature goes."},
	},
}

var serverObject = &object{
	name: "server", title: "server",
	about: "The relay.",
	keys: []key{
		{"url", false, &shape{called: "address", min: 1, max: 270, own: true}, "", "`host:port` or `https://host:port`, with a path if a proxy has the relay under one; `http://` on the loopback interface alone."},
		{"ca", false, pathShape, "", "A PEM file with the certificate authority to trust beside the system's. Needs `url:`."},
	},
}

var memberObject = &object{
	name: "member", title: "A member",
	about: "A person or program that holds a share. `{}` where there is nothing to say.",
	keys: []key{
		{"config", false, pathShape, "", "The member's credentials file; `NAME.toml` where it is absent."},
		{"contact", false, &shape{called: "contact string", form: contactString, max: maxContact, own: true}, "", "The contact string of a member who is run elsewhere: what `frostkit export` prints there."},
		{"approve", false, &shape{kind: isEither, either: []*shape{{called: "word", words: approvers, own: true}, {kind: isObject, object: commandObject}}}, "", "How the member agrees to sign. `prompt`: a person is shown the message and asked (`--yes` answers). `digest`: what has the `sha256:` of the signing is signed and all else refused, without a question. Where it is absent the run asks, unless all members are run here."},
	},
}

var commandObject = &object{
	name: "approvalCommand", title: "approve, by a command",
	about: "A program decides. It is run without a shell, in the ceremony file's folder, with the message on its standard input and a few variables as its whole environment (see *Agreeing to sign*). It agrees by exiting with 0 within the `approve` timeout; otherwise the last line of its standard error is the reason of the refusal.",
	keys: []key{
		{"command", true, &shape{kind: isList, called: "list of text", of: &shape{called: "text"}, min: 1, max: 100}, "", "The program and its arguments. A program with a slash in its name is relative to the ceremony file's folder, another one is looked up in `PATH`."},
	},
}

// recoveryText is said of the key in both forms of a group.
const recoveryText = "`bundle`: members get a bundle each, from which `frostkit recover` makes a lost share again with the communication key. The price: who kept the messages of the key generation and steals `threshold` communication keys, however much later, has the group's key. Where it is absent, no key opens these messages afterwards. Needs `protocol: frostkit`."

// groupKeyText is said of the key in both forms of a group.
const groupKeyText = "The group's key, once it is made: what `frostkit run` prints. No other key is taken for the group's, and none is made. Part of the digest where it stands."

var groupObject = &object{
	name: "group", title: "group",
	about: "The one group of the short form.",
	keys: []key{
		{"description", false, descriptionShape, "", "What the group is called in credentials, on one line; the ceremony's name where it is absent."},
		{"recovery", false, recoveryShape, "", recoveryText},
		{"key", false, groupKeyShape, "", groupKeyText},
	},
}

var namedGroupObject = &object{
	name: "namedGroup", title: "A group of groups",
	about: "One of several groups. The member who comes first in `members:` of the file opens its key generation.",
	keys: []key{
		{"description", false, descriptionShape, "", "What the group is called in credentials, on one line, another one for each group; the group's name where it is absent."},
		{"threshold", false, thresholdShape, "", "How many of the group's members must sign; the file's threshold where it is absent."},
		{"members", false, memberNames, "", "The group's members; all of the file where it is absent."},
		{"recovery", false, recoveryShape, "", recoveryText},
		{"key", false, groupKeyShape, "", groupKeyText},
		{"after", false, afterShape, "[]", "Names of groups and signings that are done before. Who opens this group's key generation takes part in each of them."},
	},
}

var signingObject = &object{
	name: "signing", title: "A signing",
	about: "One message, signed by members of one group.",
	keys: []key{
		{"name", false, nameShape, "", "A name for `after:`."},
		{"group", false, nameShape, "", "The name of the group that signs. Needed where `groups:` has more than one."},
		{"message", true, agreedPathShape, "", "The file to sign: up to 58,000 bytes of anything, or 30,000 with `protocol: frost-client` and up to ten signers. Of what is longer, sign a list of digests."},
		{"sha256", false, &shape{called: "64 hexadecimal digits", form: hexDigest}, "", "The SHA-256 digest of the message. A message with another one is refused by everybody: when planning where the file is there, and when asked to sign it."},
		{"signers", true, &shape{kind: isEither, either: []*shape{memberNames, {kind: isObject, object: candidatesObject}}}, "", "Who signs: at least the threshold. The first one listed coordinates, and has the signature."},
		{"output", true, pathShape, "", "Where the coordinator writes the signature and, with frostkit's protocol, every signer who has the message. What is there already is never overwritten."},
		{"after", false, afterShape, "[]", "Names of groups and signings that are done before, beside the group that signs. The coordinator takes part in each of them."},
	},
}

var candidatesObject = &object{
	name: "candidates", title: "signers, of several candidates",
	about: "The first of the candidates who answer sign, so that nobody holds the signing up. Needs `protocol: frostkit`.",
	keys: []key{
		{"candidates", true, memberNames, "", "Who can sign. The first one listed coordinates."},
		{"need", false, thresholdShape, "", "How many of them sign, at least the threshold; the threshold where it is absent."},
		{"wait", false, durationShape, `"2m"`, "How long to wait for an answer before going on with others."},
	},
}

var timeoutsObject = &object{
	name: "timeouts", title: "timeouts",
	about: "Durations such as `90s`, `10m` or `1h30m`, at most 168h. They are each member's own affair and not part of the digest.",
	keys: []key{
		{"session", false, durationShape, `"10m"`, "For a session to be opened by the member whose part that is (`--wait`)."},
		{"dkg", false, durationShape, `"1h"`, "For the other members in a key generation, once it is open (`--timeout`)."},
		{"sign", false, durationShape, `"1h"`, "For the other members in a signing, once it is open (`--timeout`)."},
		{"approve", false, durationShape, `"1m"`, "For an approval command to end."},
	},
}

// Inherited returns the variables of the environment that an approval command
// gets beside those of FROSTKIT_: none that could hold a secret.
func Inherited() []string {
	return []string{"PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "TZ", "TMPDIR", "SystemRoot", "PATHEXT", "TEMP"}
}

var (
	protocols = []string{string(Frostkit), string(FrostClient)}
	approvers = []string{string(ByPrompt), string(ByDigest)}
)
