// Package redistest runs a redis-server for a test.
package redistest

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Server is a redis-server of its own folder and port, on the loopback
// interface.
type Server struct {
	Addr string // host:port
	dir  string
	port string
	cmd  *exec.Cmd
	exit chan error
}

// Start starts a server that has everything on the disk before it answers. It
// is stopped, by its process id, when the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatalf("%v: install it (scripts/setup-test does, as root; on Debian: apt-get install redis-server)", err)
	}
	s := &Server{dir: t.TempDir(), port: freePort(t)}
	s.Addr = net.JoinHostPort("127.0.0.1", s.port)
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return s
}

func freePort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

// URL returns the URL of one of the server's 100 databases.
func (s *Server) URL(db int) string { return fmt.Sprintf("redis://%s/%d", s.Addr, db) }

// Restart starts the server again after Kill, with what it has on the disk, and
// returns once it answers.
func (s *Server) Restart() error {
	s.cmd = exec.Command("redis-server", "--port", s.port, "--bind", "127.0.0.1", "--dir", s.dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "always", "--databases", "100", "--maxmemory-policy", "noeviction",
		"--daemonize", "no", "--logfile", "redis.log")
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("starting redis-server: %w", err)
	}
	s.exit = make(chan error, 1)
	go func() { s.exit <- s.cmd.Wait() }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for {
		err := s.ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case exit := <-s.exit:
			s.exit <- exit
			return fmt.Errorf("redis-server ended: %w; see %s/redis.log", exit, s.dir)
		case <-ctx.Done():
			return fmt.Errorf("waiting for redis-server: %w", err)
		case <-time.After(5 * time.Millisecond): // of a process that tells nobody when it is ready
		}
	}
}

// ping asks the server whether it has loaded its data.
func (s *Server) ping(ctx context.Context) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer := make([]byte, 5)
	if _, err := conn.Read(answer); err != nil {
		return err
	}
	if string(answer) != "+PONG" {
		return fmt.Errorf("redis-server answers %q", answer)
	}
	return nil
}

// Kill ends the server with SIGKILL and waits until it is gone.
func (s *Server) Kill() {
	_ = s.cmd.Process.Signal(syscall.SIGKILL)
	s.exit <- <-s.exit
}
