package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
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
	// say where to listen are added. DIR stands for a new folder.
	command []string
	goals   goals
}

// kinds are frostkit's relay by its stores, in the order in which they are
// measured.
func kinds(frostkit string) []kind {
	relay := func(name, store string, goals goals) kind {
		// The load calls faster than any one member may.
		return kind{name, []string{
			frostkit, "relay", "--store", store, "--log-level", "error", "--limit-key-rate", "1000000", "--limit-key-burst", "1000000",
		}, goals}
	}
	return []kind{
		relay("memory", "memory", memoryGoals),
		relay("bolt", "bolt:DIR/data", boltGoals),
	}
}

// server is a running server, the only process that a bench starts.
type server struct {
	target
	kind  string
	goals goals
	ca    []*x509.Certificate // of its certificate, with TLS

	command *exec.Cmd
	folder  string
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
		return nil, errors.Join(fmt.Errorf("starting %s: %w", k.name, err), s.stop())
	}
	return s, nil
}

func (s *server) run(ctx context.Context, k kind, withTLS bool) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	address := net.JoinHostPort("localhost", strconv.Itoa(port))
	args := append(k.command[1:len(k.command):len(k.command)], "-i", "127.0.0.1", "-p", strconv.Itoa(port))
	if withTLS {
		pair, err := s.certify()
		if err != nil {
			return err
		}
		args = append(args, "-c", filepath.Join(s.folder, pair.CertFile), "-k", filepath.Join(s.folder, pair.KeyFile))
		s.url = &url.URL{Scheme: "https", Host: address}
	} else {
		args = append(args, "-n")
		s.url = &url.URL{Scheme: "http", Host: address}
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "DIR", s.folder)
	}
	s.command = exec.Command(k.command[0], args...)
	s.command.Stdout, s.command.Stderr = io.Discard, os.Stderr
	if err := s.command.Start(); err != nil {
		s.command = nil
		return err
	}
	s.pids = []int{s.command.Process.Pid}
	return s.await(ctx)
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

// await waits until the server answers.
func (s *server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		w, err := s.dial(ctx)
		if err == nil {
			defer w.close()
			_, err = w.call(s.request("challenge", "", "null"))
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// stop ends the server and removes its folder.
func (s *server) stop() error {
	defer os.RemoveAll(s.folder)
	if s.command == nil {
		return nil
	}
	_ = s.command.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(patience, func() { _ = s.command.Process.Kill() })
	defer kill.Stop()
	_ = s.command.Wait() // by a signal, if it knows none
	return nil
}
