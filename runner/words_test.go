package runner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"frostkit/internal/shown"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
	"frostkit/runner/steps"
)

// hostile sets a window's title, clears the screen, turns the direction of text, pretends that all is well, fills the
// clipboard, is no UTF-8, and moves the cursor by a control character of one byte more.
const hostile = "\x1b]0;x\x07\x1b[2J\u202e\u2066\u200f\u200b\u2028\nfrostkit: error: none\r\nfrostkit: hint: none\x1b]52;c;aGk=\x07\u009b2J\xff"

// harmless fails for what acts on a terminal, hides, is too long for a line, or pretends to be the program's.
func harmless(t *testing.T, what, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%s is not UTF-8: %.300q", what, text)
	}
	acts := func(r rune) bool {
		return r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
	}
	if i := strings.IndexFunc(text, acts); i >= 0 {
		t.Errorf("%s has %.20q: %.300q", what, text[i:], text[max(0, i-100):])
	}
	for line := range strings.Lines(text) {
		if len(line) > 2*shown.MaxLine {
			t.Errorf("%s has a line of %d bytes: %.100q", what, len(line), line)
		}
		if strings.HasPrefix(line, "frostkit: error: none") || strings.HasPrefix(line, "frostkit: hint: none") {
			t.Errorf("%s has the line %.100q, which the program did not say", what, line)
		}
	}
}

// harmlessCall runs the program, and looks at what it says.
func harmlessCall(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	_, out, talk := call(t, stdin, args...)
	harmless(t, fmt.Sprintf("the result of %.60q", args[1:]), out)
	harmless(t, fmt.Sprintf("the talk of %.60q", args[1:]), talk)
	return talk
}

// harmlessFiles looks at the reports and events in a folder, and says how many there are.
func harmlessFiles(t *testing.T, folder string, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil || len(paths) == 0 {
			t.Errorf("no %s is written (%v)", pattern, err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			harmless(t, filepath.Base(path), string(data))
		}
	}
}

// hostileAnswers are what a relay may say in the place of each answer.
func hostileAnswers(t *testing.T, long string) map[string]func(http.ResponseWriter) {
	t.Helper()
	encode := func(v any) []byte {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	refusal := func(code int) []byte {
		return encode(map[string]any{"code": code, "msg": hostile + long, "error": map[string]any{"code": hostile + long}})
	}
	fields := encode(map[string]any{
		"challenge": hostile + long, "access_token": hostile + long, "session_ids": []string{hostile + long}, "session_id": hostile + long,
	})
	say := func(status int, body []byte) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { w.WriteHeader(status); _, _ = w.Write(body) }
	}
	return map[string]func(http.ResponseWriter){
		"refusal":        say(http.StatusInternalServerError, refusal(1)),
		"login refused":  say(http.StatusInternalServerError, refusal(2)),
		"unknown":        say(http.StatusInternalServerError, refusal(77)),
		"text":           say(http.StatusTeapot, []byte(hostile+long)),
		"text as answer": say(http.StatusOK, []byte(hostile+long)),
		"fields":         say(http.StatusOK, fields),
		"no HTTP": func(w http.ResponseWriter) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			fmt.Fprintf(conn, "HTTP/1.1 %s%s\r\n\r\n", hostile, long)
		},
		"redirection": func(w http.ResponseWriter) {
			w.Header().Set("Location", "http://127.0.0.1:1/"+hostile)
			w.WriteHeader(http.StatusFound)
		},
	}
}

// hostileWords are what members say, as the protocol hands it over.
func hostileWords(t *testing.T) {
	eve, long := protocol.Member{Name: hostile}, strings.Repeat(hostile, 50)
	var errorsOf, events, screen bytes.Buffer
	for _, err := range []error{
		&native.EndedError{Member: eve, Declined: true, Reason: long}, &protocol.MissingError{Missing: []protocol.Member{eve}, Phase: "round 1"},
		protocol.Culprit("round 1", eve, long, nil), &native.NotEnoughError{Need: 2, Excluded: []native.Exclusion{{Member: eve, Reason: long}}},
		&native.AgreementError{Differences: []native.Difference{{Field: long, Values: []native.Value{{Member: eve, Value: long}}}}},
	} {
		printError(&errorsOf, "frostkit", err)
		log := &eventLog{out: &events}
		_ = log.end(err)
	}
	log, shows := &eventLog{out: &events}, &display{out: &screen, live: true, columns: 200, title: hostile, warn: func([]string) {}}
	for _, event := range []protocol.Event{
		{Kind: protocol.Received, Phase: "greeting", Member: eve, Tool: long, Awaited: []protocol.Member{eve}},
		{Kind: protocol.Dropped, Member: eve, Reason: long},
	} {
		notice := steps.Notice{Kind: steps.Progress, Event: event}
		log.noticed(hostile, false, notice)
		shows.member(hostile)(notice)
	}
	shows.declined(hostile, long)
	shows.printStep("✗", hostile, long)
	harmless(t, "the errors about members", errorsOf.String())
	harmless(t, "the events about members", events.String())
	harmless(t, "the screen", redraws.ReplaceAllString(screen.String(), ""))
	if !redraws.MatchString(screen.String()) {
		t.Error("the screen is not drawn anew")
	}
}

// redraws are the codes with which the screen is drawn anew.
var redraws = regexp.MustCompile(`\r\x1b\[[0-9]+A\x1b\[J`)

// Whatever comes from elsewhere, nothing on the screen, in a report or among the events acts or pretends.
func TestWordsFromElsewhere(t *testing.T) {
	t.Run("relay", hostileRelay)
	t.Run("members", hostileMembers)
	t.Run("words of members", hostileWords)
	t.Run("arguments", hostileArguments)
	t.Run("files", hostileFiles)
	t.Run("names", readableNames)
}

func hostileRelay(t *testing.T) {
	for size, long := range map[string]string{"some": strings.Repeat("a\x1b", 5000), "5 MB": strings.Repeat("x", 5<<20)} {
		for kind, answer := range hostileAnswers(t, long) {
			t.Run(kind+", "+size, func(t *testing.T) {
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
				defer server.Close()
				dir := t.TempDir()
				config := filepath.Join(dir, "Alice.toml")
				harmlessCall(t, "", "frostkit", "init", "-c", config)
				harmlessCall(t, "", "frostkit", "sessions", "-s", server.URL, "-c", config)
				file := ceremonyWith(t, dir, server.URL)
				harmlessCall(t, "", "frostkit", "check", file)
				talk := harmlessCall(t, "", "frostkit", "run", file, "--timeout", "300ms", "--events", filepath.Join(dir, "events.jsonl"))
				if !strings.Contains(talk, "frostkit: error: ") {
					t.Errorf("no error is told: %.300q", talk)
				}
				harmlessFiles(t, dir, "events.jsonl")
			})
		}
	}
}

// ceremonyWith writes a ceremony of two at a relay.
func ceremonyWith(t *testing.T, dir, url string) string {
	t.Helper()
	file := filepath.Join(dir, "ceremony.yaml")
	text := "version: 1\nceremony: hostile\nserver:\n  url: " + url + "\nthreshold: 2\nmembers:\n  アリス: {}\n  אליס: {}\nsign:\n" +
		"  - {message: a.txt, signers: [アリス, אליס], output: a.sig}\n"
	for path, content := range map[string]string{file: text, filepath.Join(dir, "a.txt"): "hello"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

func hostileMembers(t *testing.T) {
	for _, reason := range []string{hostile, strings.Repeat(hostile, 1000)} {
		dir := t.TempDir()
		file := ceremonyWith(t, dir, "https://127.0.0.1:1")
		talk := harmlessCall(t, "", "frostkit", "rehearse", file, "--fault", "decline:אליס="+reason, "--events", filepath.Join(dir, "events.jsonl"))
		if !strings.Contains(talk, "אליס") || !strings.Contains(talk, "declined") {
			t.Errorf("the refusal is not told: %.300q", talk)
		}
		harmlessFiles(t, dir, "events.jsonl", "rehearsal/report.json", "rehearsal/report.html")
	}
}

func hostileArguments(t *testing.T) {
	t.Chdir(t.TempDir())
	harmlessCall(t, "", "frostkit", "init", "-c", "Alice.toml")
	if err := os.WriteFile("signature", make([]byte, 64), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{hostile, hostile + ": x", strings.Repeat(hostile, 500)} {
		for _, args := range [][]string{
			{"import", word, "-c", "Alice.toml"},
			{"run", word},
			{"validate", word},
			{"plan", word},
			{"check", word},
			{word},
			{"--" + word},
			{"verify", "-m", word, "-s", "signature", "-p", word},
			{"verify", "-m", word},
			{"get", word, "-c", "Alice.toml"},
			{"contacts", "-c", word},
			{"init", "-c", word + "/x"},
			{"groups", "-c", "Alice.toml", word},
			{"coordinator", "-c", "Alice.toml", "-g", word, "-S", word, "-m", word, "-s", word},
			{"dkg", "-c", "Alice.toml", "-d", word, "-s", word, "-t", "2", "-S", word},
			{"sessions", "-c", "Alice.toml", "-s", word},
			{"help", word},
			{"verify-ceremony", word},
			{"run", "Alice.toml", "--as", word},
			{"allow", word},
		} {
			if talk := harmlessCall(t, "", append([]string{"frostkit"}, args...)...); !strings.HasPrefix(talk, "frostkit: ") && args[0] != "init" && args[0] != "contacts" {
				t.Errorf("%.60q says %.300q", args, talk)
			}
		}
	}
}

func hostileFiles(t *testing.T) {
	escaped := `\u001b]0;x\u0007\u202e\nfrostkit: error: none\u009b2J`
	for name, content := range map[string]string{
		"raw.yaml":    hostile,
		"value.yaml":  "version: \"" + escaped + "\"\nceremony: \"" + escaped + "\"\nthreshold: \"" + escaped + "\"\nmembers:\n  \"" + escaped + "\": {contact: \"" + escaped + "\"}\n\"" + escaped + "\": 1\n",
		"long.yaml":   "ceremony: " + strings.Repeat("x", 200_000) + "\n" + strings.Repeat("y", 100_000) + ": 1\n",
		"alias.yaml":  "ceremony: *" + strings.Repeat("z", 10_000) + "\n",
		"group.yaml":  "version: 1\nceremony: a\nmembers: {A: {}, B: {}}\nthreshold: 2\nserver: {url: \"" + escaped + "\"}\ngroup: {description: \"" + escaped + "\"}\n",
		"value.toml":  "version = \"" + escaped + "\"\n\"" + escaped + "\" = 1\n",
		"number.toml": "version = 0\ncommunication_key = " + strings.Repeat("1", 100_000) + "\n",
		"raw.toml":    hostile + " = 1",
		"name.toml":   "version = 0\n[contact.\"" + escaped + "\"]\nname = \"" + escaped + "\"\npubkey = \"" + escaped + "\"\n",
		"a.json":      `{"version": "` + escaped + `", "` + escaped + `": 1}`,
		"raw.json":    "{\"" + hostile + "\": " + hostile,
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{
			{"validate", path},
			{"run", path},
			{"plan", path},
			{"rehearse", path},
			{"check", path},
			{"contacts", "-c", path},
			{"groups", "-c", path},
			{"verify-ceremony", path},
			{"verify", "-m", path, "-s", path, "-P", path},
			{"sessions", "-c", path},
		} {
			harmlessCall(t, "", append([]string{"frostkit"}, args...)...)
		}
	}
}

// People's names are no attack.
func readableNames(t *testing.T) {
	for _, name := range []string{"アリス", "אליס", "أليس", "🦊"} {
		talk := harmlessCall(t, "", "frostkit", "run", name+".yaml")
		if !strings.Contains(talk, name) {
			t.Errorf("%s is not readable in %q", name, talk)
		}
		if got := shown.Words(name); got != name {
			t.Errorf("%s is shown as %s", name, got)
		}
	}
}
