// Package testscripts holds one promise to users in each *.txtar file, kept by
// the real program in processes of its own.
package testscripts

import (
	"context"
	"crypto/rand"
	"flag"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"frostkit/commkey"
	"frostkit/internal/testproxy"
	"frostkit/keyring"
	"frostkit/runner"
)

var update = flag.Bool("update", false, "write the outputs seen into the scripts that compare them")

// names are those that the program is called by.
var names = []string{
	"frostkit", "frost-client", "frostd", "frost-verify", "mkcert", "tq", "trusted-dealer", "dkg", "coordinator", "participant",
}

// together is how many scripts run at once, unless -parallel says otherwise: most of what they do is to
// wait.
const together = "6"

func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", together); err != nil {
		panic(err)
	}
	commands := map[string]func(){}
	for _, name := range names {
		commands[name] = func() {
			env := runner.System()
			logCommitments(env)
			os.Exit(runner.Main(os.Args, env))
		}
	}
	commands["alone"] = func() { os.Exit(runAlone()) }
	testscript.Main(m, commands)
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 ".",
		Setup:               setup,
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"waitfile": waitFile,
			"waitport": waitPort,
			"fileenv":  fileEnv,
			"copyenv":  copyEnv,
			"mode":     mode,
			"members":  members,
			"cisteps":  ciSteps,
			"delay":    delay,
		},
	})
}

// setup gives each script a home and a local CA of its own, and the examples.
func setup(env *testscript.Env) error {
	for key, folder := range map[string]string{"HOME": "home", "CAROOT": "caroot", "XDG_CONFIG_HOME": "config"} {
		path := filepath.Join(env.WorkDir, folder)
		if err := os.MkdirAll(path, 0o700); err != nil {
			return err
		}
		env.Setenv(key, path)
	}
	root, err := filepath.Abs("..")
	if err != nil {
		return err
	}
	env.Setenv("EXAMPLES", filepath.Join(root, "examples"))
	return nil
}

// patience bounds every wait of a script.
const patience = 30 * time.Second

// until asks again and again until the condition holds.
func until(ts *testscript.TestScript, what string, holds func() bool) {
	for end := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("%s: not within %s", what, patience)
		}
	}
}

// waitFile waits until a file is there and, with a second argument, holds it.
func waitFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: waitfile FILE [TEXT]")
	}
	until(ts, "waiting for "+args[0], func() bool {
		data, err := os.ReadFile(ts.MkAbs(args[0]))
		return err == nil && len(data) > 0 && (len(args) == 1 || strings.Contains(string(data), args[1]))
	})
}

// waitPort waits until somebody listens at an address.
func waitPort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitport HOST:PORT")
	}
	until(ts, "waiting for "+args[0], func() bool {
		conn, err := net.DialTimeout("tcp", args[0], time.Second)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// fileEnv sets a variable to what is in a file, without the white space around.
func fileEnv(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fileenv NAME FILE")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

// copyEnv writes a file with its variables ($NAME) replaced.
func copyEnv(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: copyenv FROM TO")
	}
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}

// latencyVariable, in the environment, is how long each byte takes in place of what a script says.
// `make latency` sets it.
const latencyVariable = "FROSTKIT_LATENCY"

// delay sets a variable to the address of a proxy before that in a file, over which each byte takes so
// long each way.
func delay(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: delay NAME FILE DURATION")
	}
	text := args[2]
	if set := os.Getenv(latencyVariable); set != "" {
		text = set
	}
	latency, err := time.ParseDuration(text)
	ts.Check(err)
	proxy, err := testproxy.Delay(strings.TrimSpace(ts.ReadFile(args[1])), latency)
	ts.Check(err)
	ts.Defer(proxy.Close)
	ts.Setenv(args[0], proxy.Address)
}

// mode checks the permissions of files.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: mode PERM FILE…")
	}
	for _, file := range args[1:] {
		info, err := os.Stat(ts.MkAbs(file))
		ts.Check(err)
		if got := info.Mode().Perm().String(); (got == args[0]) == neg {
			ts.Fatalf("%s has mode %s", file, got)
		}
	}
}

// members makes credentials NAME.toml of members who know one another, and sets
// $NAME to each one's public key.
func members(ts *testscript.TestScript, neg bool, names []string) {
	keys, err := makeMembers(ts.MkAbs("."), names)
	ts.Check(err)
	for name, key := range keys {
		ts.Setenv(name, key.Public().String())
	}
}

// makeMembers makes credentials NAME.toml in a folder.
func makeMembers(folder string, names []string) (map[string]*commkey.PrivateKey, error) {
	keys := map[string]*commkey.PrivateKey{}
	for _, name := range names {
		key, err := commkey.Generate(rand.Reader)
		if err != nil {
			return nil, err
		}
		keys[name] = key
	}
	for _, name := range names {
		err := keyring.Update(context.Background(), filepath.Join(folder, name+".toml"), func(k *keyring.Keyring) error {
			for _, other := range names {
				if other == name {
					continue
				}
				if err := k.AddContact(keyring.Contact{Name: other, Key: keys[other].Public()}); err != nil {
					return err
				}
			}
			return k.SetKey(keys[name])
		})
		if err != nil {
			return nil, err
		}
	}
	return keys, nil
}
