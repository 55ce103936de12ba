package ceremony

import (
	"strings"
	"testing"
)

const withVariables = `version: 1
ceremony: ${NAME}
threshold: ${THRESHOLD}
server: {url: "${HOST}:2744"}
members:
  Alice: {config: "${DIR}/$${x}$y$.toml"}
  Bob: {}
group: {description: "${TRICK}"}
timeouts: {session: "${WAIT}"}
sign:
  - {message: m, signers: ["${WHO}", Bob], output: o}
`

func variables1(name string) (string, bool) {
	value, ok := map[string]string{
		"NAME": "release", "THRESHOLD": "2", "HOST": "relay.example", "DIR": "keys", "WAIT": "90s", "WHO": "Alice",
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
	if f.Name != "release" || f.Threshold != 2 || f.Server.URL != "relay.example:2744" || f.Timeouts.Session.Seconds() != 90 ||
		f.Members[0].Config != "keys/${x}$y$.toml" || f.Sign[0].Signers[0] != "Alice" {
		t.Errorf("read %+v", f)
	}
	if got, want := f.Groups[0].Description, `x", members: {Mallory: {}} # ${NAME}`; got != want || len(f.Members) != 2 {
		t.Errorf("the description is %q of %d members, want %q", got, len(f.Members), want)
	}
	checkSchema(t, []byte(withVariables))
}

// What a variable holds goes through the checks of the value that it stands for.
func TestEnvironmentIsChecked(t *testing.T) {
	tests := []struct{ name, value, want string }{
		{"NAME", "two words", `env.yaml:2:11: ceremony "two words" is not a name`},
		{"THRESHOLD", "3", "env.yaml:3:12: threshold 3 exceeds the 2 members"},
		{"THRESHOLD", "0x2", `env.yaml:3:12: threshold is the text "0x2", not a whole number`},
		{"HOST", "a b", `env.yaml:4:15: url of server "a b:2744" is not a host`},
		{"DIR", "a\nb", "holds the character U+000A, which does not print"},
		{"WHO", "Mallory", `signer "Mallory" of signing 1 is not a member`},
		{"WHO", "", "refers to the environment variable WHO, which is not set or empty; set WHO before running frostkit"},
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

// Keys are not values.
func TestEnvironmentInKeys(t *testing.T) {
	f := parse(t, "version: 1\nceremony: x\nthreshold: 2\nmembers: {'${A}': {config: a}, B: {}}\n")
	if f.Members[0].Name != "${A}" {
		t.Errorf("the member is %q", f.Members[0].Name)
	}
}
