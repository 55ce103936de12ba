package testscripts

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// wellKnown are the ports that the tutorial uses.
var wellKnown = []int{2744, 443}

// inCommon runs a program in the network of all, where its ports are free, and else says who holds them. Why
// there is no network of its own is told, too.
func inCommon(why error) int {
	if taken := takenPorts(wellKnown); taken != "" {
		fmt.Fprintf(os.Stderr, "alone: %s; the tutorial needs that port, and a network of its own was not permitted: %v\n", taken, why)
		return 1
	}
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return ended(cmd.Run())
}

// takenPorts says of the first of the ports that is taken by whom.
func takenPorts(ports []int) string {
	for _, port := range ports {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = l.Close()
		} else if !errors.Is(err, os.ErrPermission) {
			return fmt.Sprintf("port %d is held by %s", port, holder(port))
		}
	}
	return ""
}

// ended returns the code to exit with after a program has ended.
func ended(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return max(exit.ExitCode(), 1)
	}
	fmt.Fprintln(os.Stderr, "alone:", err)
	return 1
}

// Who is in the way of the tutorial is said.
func TestTakenPortIsNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	said := takenPorts([]int{port})
	if want := fmt.Sprintf("port %d is held by ", port); !strings.HasPrefix(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
	if _, err := os.Stat("/proc/net/tcp"); err == nil && !strings.Contains(said, fmt.Sprintf("process %d ", os.Getpid())) {
		t.Errorf("said %q, and process %d holds it", said, os.Getpid())
	}
}
