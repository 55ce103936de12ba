package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"frostkit/relay/localca"
)

// kind is a way to run a server.
type kind struct {
	name string
	// command is the program and its arguments, to which those of frostd's that
	// say where to listen are added. DIR stands for a new folder, REDIS for the
	// URL of a Redis of its own.
	command   []string
	processes int // that run it side by side
	goals     goals
	only      []string // names of the benches that are of use; empty: all
}

// overRedis says that there is a Redis behind.
func (k *kind) overRedis() bool { return slices.Contains(k.command, "REDIS") }

// kinds are frostkit's relay by its stores, in the order in which they are
// measured.
func kinds(frostkit string) []kind {
	relay := func(name, store string, processes int, goals goals, only ...string) kind {
		// The load calls faster than any one member may.
		return kind{name, []string{
			frostkit, "relay", "--store", store, "--log-level", "error", "--limit-key-rate", "1000000", "--limit-key-burst", "1000000",
		}, processes, goals, only}
	}
	return []kind{
		relay("memory", "memory", 1, memoryGoals),
		relay("bolt", "bolt:DIR/data", 1, boltGoals),
		relay("redis", "REDIS", 1, nil, "load"),
		relay("redis x2", "REDIS", 2, nil, "load"),
	}
}

// server is a running server: the processes of a kind, and their Redis.
type server struct {
	target
	kind  string
	goals goals
	ca    []*x509.Certificate // of its certificate, with TLS

	commands []*exec.Cmd // in the order in which they were started
	folder   string
}

// patience is how long a server has to start and to end.
const patience = 15 * time.Second

// start runs a server on a free port of loopback, and waits until it listens.
func (k kind) start(ctx context.Context, withTLS bool) (*server, error) {
	folder, err := os.MkdirTemp("", "relayload-")
	if err != nil {
		return nil, err
	}
	s := &server{kind: k.name, goals: k.goals, folder: folder}
	if err := s.run(ctx, k, withTLS); err != nil {
		s.stop()
		return nil, fmt.Errorf("starting %s: %w", k.name, err)
	}
	return s, nil
}

func (s *server) run(ctx context.Context, k kind, withTLS bool) error {
	args := k.command[1:len(k.command):len(k.command)]
	scheme := "http"
	if withTLS {
		pair, err := s.certify()
		if err != nil {
			return err
		}
		scheme = "https"
		args = append(args, "-c", filepath.Join(s.folder, pair.CertFile), "-k", filepath.Join(s.folder, pair.KeyFile))
	} else {
		args = append(args, "-n")
	}
	redis := ""
	if k.overRedis() {
		var err error
		if redis, err = s.startRedis(ctx); err != nil {
			return err
		}
	}
	for i := range args {
		args[i] = strings.ReplaceAll(strings.ReplaceAll(args[i], "DIR", s.folder), "REDIS", redis)
	}
	for range max(1, k.processes) {
		if err := s.startRelay(ctx, scheme, k.command[0], args); err != nil {
			return err
		}
	}
	return nil
}

// startRelay starts one process, and waits until it answers.
func (s *server) startRelay(ctx context.Context, scheme, program string, args []string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	pid, err := s.startProcess(program, append(args[:len(args):len(args)], "-i", "127.0.0.1", "-p", strconv.Itoa(port))...)
	if err != nil {
		return err
	}
	s.pids = append(s.pids, pid)
	host := net.JoinHostPort("localhost", strconv.Itoa(port))
	if s.url == nil {
		s.url = &url.URL{Scheme: scheme, Host: host}
	} else {
		s.others = append(s.others, host)
	}
	return await(ctx, func(ctx context.Context) error { return s.answers(ctx, host) })
}

// startRedis starts a redis-server that has everything on the disk before it
// answers, and returns its URL.
func (s *server) startRedis(ctx context.Context) (string, error) {
	port, err := freePort()
	if err != nil {
		return "", err
	}
	pid, err := s.startProcess("redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", s.folder,
		"--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction", "--daemonize", "no")
	if err != nil {
		return "", fmt.Errorf("%w; scripts/setup-test installs it", err)
	}
	s.behind = append(s.behind, pid)
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	return "redis://" + address + "/0", await(ctx, func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// startProcess starts a process that stop will end.
func (s *server) startProcess(program string, args ...string) (pid int, err error) {
	command := exec.Command(program, args...)
	command.Stdout, command.Stderr = io.Discard, os.Stderr
	if err := command.Start(); err != nil {
		return 0, err
	}
	s.commands = append(s.commands, command)
	return command.Process.Pid, nil
}

// certify makes a certificate of a CA of its own.
func (s *server) certify() (*localca.Pair, error) {
	ca, err := localca.New()
	if err != nil {
		return nil, err
	}
	s.ca = []*x509.Certificate{ca.Certificate()}
	roots := x509.NewCertPool()
	roots.AddCert(ca.Certificate())
	s.tls = &tls.Config{RootCAs: roots, ServerName: "localhost", NextProtos: []string{"http/1.1"}}
	return ca.Make(s.folder, "localhost", "127.0.0.1")
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// await waits until a process does what it was started for.
func await(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// answers makes a call.
func (s *server) answers(ctx context.Context, host string) error {
	w, err := s.dialHost(ctx, host)
	if err != nil {
		return err
	}
	defer w.close()
	_, err = w.call(s.request("challenge", "", "null"))
	return err
}

// stop ends the processes, the last one first, and removes their folder.
func (s *server) stop() {
	defer os.RemoveAll(s.folder)
	for _, command := range slices.Backward(s.commands) {
		_ = command.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(patience, func() { _ = command.Process.Kill() })
		_ = command.Wait() // by a signal, if it knows none
		kill.Stop()
	}
}
