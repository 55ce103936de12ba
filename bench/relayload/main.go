// Command relayload loads a relay that speaks frostd's API, over HTTP or HTTPS
// on loopback, and reports what it achieves: messages and logins per second,
// latencies, errors, and what the server takes of memory and processor. It
// checks that each message arrives once and intact.
//
//	relayload -url http://localhost:2744 -pid PID
//
// loads a server that runs already, ours or frostd. Without -url it starts
// frostkit's relay with each store in turn, with Redis as one process and as two
// that the calls go to in turn, and compares it with the frostd of
// the environment variable FROSTD if that names one; it prints each figure with
// its goal, and fails when one is missed. It ends what it starts.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// suiteTimeout bounds everything.
const suiteTimeout = 30 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, suiteTimeout)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "relayload:", err)
		os.Exit(1)
	}
}

var (
	serverURL   = flag.String("url", "", "the server to load, http or https; empty: start servers")
	serverPID   = flag.Int("pid", 0, "with -url: its process id, to measure memory and processor time")
	serverCA    = flag.String("ca", "", "with -url: the CA certificate to trust, PEM")
	connections = flag.Int("connections", 32, "with -url: connections")
	frostkit    = flag.String("frostkit", "bin/frostkit", "the program whose relay is started")
	store       = flag.String("store", "", "comma-separated stores to measure; empty: all")
	only        = flag.String("only", "", "comma-separated benches to run; empty: all")
	out         = flag.String("out", "", "file for the figures as JSON")
	size        = flag.Int("size", 600, "bytes of a message, at least 8")
	duration    = flag.Duration("duration", 2*time.Second, "time that each load is measured")
	rounds      = flag.Int("rounds", 3, "how often each load is measured; the median counts")
)

func run(ctx context.Context) error {
	flag.Parse()
	if *size < 8 {
		return fmt.Errorf("the size of a message is %d, want at least 8", *size)
	}
	if *serverURL != "" {
		return loadURL(ctx)
	}
	b := &bench{report: newReport(), size: *size, duration: *duration, rounds: *rounds}
	if frostd := os.Getenv("FROSTD"); frostd != "" {
		b.peer = &kind{name: "frostd", command: []string{frostd}}
	}
	if err := b.all(ctx); err != nil {
		return err
	}
	if *out != "" {
		if err := b.report.save(*out); err != nil {
			return err
		}
	}
	if missed := b.report.missed(); missed > 0 {
		return fmt.Errorf("%d goals were missed", missed)
	}
	return nil
}

// bench is what all benches need.
type bench struct {
	report   *report
	peer     *kind // frostd, or nil
	size     int   // of a message in bytes
	duration time.Duration
	rounds   int
}

// benches by their names for -only.
var benches = []struct {
	name string
	run  func(*bench, context.Context, kind) error
}{
	{"load", (*bench).compare},
	{"memory", (*bench).compareWithMemory},
	{"queue", (*bench).queueMemory},
	{"sessions", (*bench).sessionMemory},
	{"polls", (*bench).idlePollCost},
	{"ceremonies", (*bench).manyCeremonies},
	{"slow", (*bench).slowConnections},
}

// all runs the benches chosen for the stores chosen.
func (b *bench) all(ctx context.Context) error {
	for _, k := range kinds(*frostkit) {
		if !chosen(*store, k.name) {
			continue
		}
		for _, bench := range benches {
			if !chosen(*only, bench.name) || len(k.only) > 0 && !slices.Contains(k.only, bench.name) {
				continue
			}
			if err := bench.run(b, ctx, k); err != nil {
				return fmt.Errorf("bench %s of store %s: %w", bench.name, k.name, err)
			}
		}
	}
	return nil
}

// chosen reports whether a comma-separated list names name, or is empty.
func chosen(list, name string) bool {
	return list == "" || slices.Contains(strings.Split(list, ","), name)
}

// loadURL loads a server that runs already.
func loadURL(ctx context.Context) error {
	t, err := parseTarget()
	if err != nil {
		return err
	}
	for _, l := range []load{{name: "pairs", worker: newMailer}, {name: "logins", worker: newVisitor}} {
		l.connections, l.size, l.duration = *connections, *size, *duration
		if !chosen(*only, l.name) {
			continue
		}
		o, err := l.run(ctx, t)
		if err != nil {
			return err
		}
		fmt.Println(l.name, o)
		if o.First != nil {
			return fmt.Errorf("%d errors, the first: %w", o.Errors, o.First)
		}
	}
	return nil
}

func parseTarget() (*target, error) {
	parsed, err := url.Parse(*serverURL)
	if err != nil || parsed.Port() == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return nil, fmt.Errorf("-url is %q, want http://HOST:PORT or https://HOST:PORT", *serverURL)
	}
	t := &target{url: parsed}
	if *serverPID != 0 {
		t.pids = []int{*serverPID}
	}
	if parsed.Scheme == "http" {
		return t, nil
	}
	t.tls = &tls.Config{NextProtos: []string{"http/1.1"}}
	if *serverCA != "" {
		text, err := os.ReadFile(*serverCA)
		if err != nil {
			return nil, err
		}
		t.tls.RootCAs = x509.NewCertPool()
		if !t.tls.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate", *serverCA)
		}
	}
	return t, nil
}
