package ceremony

import (
	"strings"
	"testing"
)

const withVariables = `version: 1
ceremony: release
threshold: 2
server: {url: "${HOST}:2744", ca: "${DIR}/ca.pem"}
members:
  Alice: {config: "${DIR}/$${x}$y$.toml"}
  Bob: {approve: "${HOW}"}
group: {description: "costs $${5}"}
timeouts: {session: "${WAIT}"}
sign:
  - {message: m, signers: [Alice, Bob], output: "${TRICK}"}
`

func variables1(name string) (string, bool) {
	value, ok := map[string]string{
		"HOST": "relay.example", "DIR": "keys", "WAIT": "90s", "HOW": "prompt",
		"TRICK": `x", members: {Mallory: {}} # ${NAME}`,
	}[name]
	return value, ok
}

// Variables stand for values, and never for more: what they hold is one text.
func TestEnvironment(t *testing.T) {
	f, err := Parse("env.yaml", []byte(withVariables), Environment(variables1))
	if err != nil {
		t.Fatal(err)
	}
	if f.Server.URL != "relay.example:2744" || f.Timeouts.Session.Seconds() != 90 || f.Groups[0].Description != "costs ${5}" ||
		f.Members[0].Config != "keys/${x}$y$.toml" || f.Members[1].Approve.By != ByPrompt {
		t.Errorf("read %+v", f)
	}
	if got, want := f.Sign[0].Output, `x", members: {Mallory: {}} # ${NAME}`; got != want || len(f.Members) != 2 {
		t.Errorf("the output is %q of %d members, want %q", got, len(f.Members), want)
	}
	if len(f.Variables) != 6 || f.Variables[1].Field != "config of member \"Alice\"" || f.Variables[1].Names[0] != "DIR" {
		t.Errorf("the variables are %+v", f.Variables)
	}
	checkSchema(t, []byte(withVariables))
}

// Without leave nothing is taken from the environment, whoever wrote the file.
func TestEnvironmentNeedsLeave(t *testing.T) {
	_, err := Parse("env.yaml", []byte(withVariables))
	for _, want := range []string{
		`env.yaml:4:15: url of server "${HOST}:2744" takes HOST from the environment, which a ceremony file may not unless you allowed it; put`,
		"env.yaml:4:35: ca of server", "env.yaml:6:19: config", "env.yaml:7:18: approve", "env.yaml:9:21: session", "env.yaml:11:49: output",
		"frostkit allow env.yaml",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
}

// What a variable holds goes through the checks of the value that it stands for.
func TestEnvironmentIsChecked(t *testing.T) {
	tests := []struct{ name, value, want string }{
		{"WAIT", "0x2", `env.yaml:9:21: session of timeouts "0x2" is not a duration`},
		{"HOST", "a b", `env.yaml:4:15: url of server "a b:2744" is not a host`},
		{"DIR", "a\nb", "holds the character U+000A, which does not print"},
		{"HOW", "blindly", `approve of member "Bob" "blindly" is not supported`},
		{"HOW", "", "refers to the environment variable HOW, which is not set or empty; set HOW before running frostkit"},
	}
	for _, test := range tests {
		_, err := Parse("env.yaml", []byte(withVariables), Environment(func(name string) (string, bool) {
			if name == test.name {
				return test.value, true
			}
			return variables1(name)
		}))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("with %s=%q: %v, want %s", test.name, test.value, err, test.want)
		}
	}
}

// What all members agree on takes nothing from the environment, with leave or
// without: the table of the digest is gone through field by field.
func TestAgreedFieldsTakeNoVariables(t *testing.T) {
	const file = "version: 1\nceremony: CEREMONY\nciphersuite: SUITE\nprotocol: PROTOCOL\nthreshold: THRESHOLD\nmembers: {A: {}, B: {}, C: {}}\n" +
		"groups: {g: {description: DESCRIPTION, threshold: GROUPT, members: [GROUPM, B, C]}, h: {after: [AFTERG]}}\n" +
		"sign: [{name: NAME, group: GROUP, message: MESSAGE, sha256: SHA, signers: {candidates: [SIGNER, B, C], need: NEED}, output: o, after: [AFTERS]}]\n"
	plain := strings.NewReplacer("CEREMONY", "c", "SUITE", "ed25519", "PROTOCOL", "frostkit", "THRESHOLD", "2", "DESCRIPTION", "d", "GROUPT", "2",
		"GROUPM", "A", "AFTERG", "g", "NAME", "n", "GROUP", "g", "MESSAGE", "m", "SHA", strings.Repeat("a", 64), "SIGNER", "A", "NEED", "2", "AFTERS", "h")
	parse(t, plain.Replace(file))
	for _, field := range []string{
		"CEREMONY", "SUITE", "PROTOCOL", "THRESHOLD", "DESCRIPTION", "GROUPT", "GROUPM", "AFTERG", "NAME", "GROUP,", "MESSAGE", "SHA", "SIGNER", "NEED", "AFTERS",
	} {
		text := strings.Replace(file, strings.TrimSuffix(field, ","), `"${X}"`, 1)
		if field == "GROUP," {
			text = strings.Replace(file, "group: GROUP", `group: "${X}"`, 1)
		}
		_, err := Parse("f.yaml", []byte(plain.Replace(text)), Environment(func(string) (string, bool) { return "leaked", true }))
		if err == nil || strings.Contains(err.Error(), "leaked") || !strings.Contains(err.Error(), "takes X from the environment, and is part of what all members agree on") {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// Keys are not values.
func TestEnvironmentInKeys(t *testing.T) {
	f := parse(t, "version: 1\nceremony: x\nthreshold: 2\nmembers: {'${A}': {config: a}, B: {}}\n")
	if f.Members[0].Name != "${A}" {
		t.Errorf("the member is %q", f.Members[0].Name)
	}
}
