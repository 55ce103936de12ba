package boltstore

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"
)

// disk makes system calls on the files of stores fail, in the kernel, before
// anything is done: by a filter that asks this process about each
// (seccomp_unotify(2)). A filter cannot be taken away again, so that tests that
// use one run in a process of their own.
type disk struct {
	mu sync.Mutex
	faults
}

type faults struct {
	calls int           // since the last call of fail or heal
	at    int           // the first call that fails; 0: none does
	count int           // how many fail from then on
	errno syscall.Errno // with what
	fired bool
}

// fail has calls fail, beginning with the at-th from now.
func (d *disk) fail(at, count int, errno syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = faults{at: at, count: count, errno: errno}
}

// heal has all calls succeed, and returns how many there were since the last
// call of fail or heal, and whether any failed.
func (d *disk) heal() (calls int, fired bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	calls, fired = d.calls, d.fired
	d.faults = faults{}
	return calls, fired
}

// failing reports whether calls have failed since the last call of fail.
func (d *disk) failing() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fired
}

// answer says what becomes of a call.
func (d *disk) answer(number, file uint64) syscall.Errno {
	if number != syscall.SYS_RENAMEAT && !ofStore(file) {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	if d.at == 0 || d.calls < d.at || d.calls >= d.at+d.count {
		return 0
	}
	d.fired = true
	return d.errno
}

// ofStore reports whether a file descriptor is of a store's file or folder.
func ofStore(file uint64) bool {
	path, err := os.Readlink("/proc/self/fd/" + strconv.FormatUint(file, 10))
	return err == nil && (strings.HasPrefix(filepath.Base(path), fileName) || filepath.Base(filepath.Dir(path)) == "disk")
}

// The structures and numbers of seccomp(2) and seccomp_unotify(2).
type (
	instruction struct {
		code      uint16
		jt, jf    uint8
		immediate uint32
	}
	program struct {
		length uint16
		code   *instruction
	}
	notice struct {
		id         uint64
		pid, flags uint32
		number     int32
		arch       uint32
		pointer    uint64
		args       [6]uint64
	}
	verdict struct {
		id    uint64
		value int64
		errno int32
		flags uint32
	}
)

const (
	setNoNewPrivs = 38
	setModeFilter = 1
	// for all threads, telling of one that could not be synced, with a listener
	filterFlags  = 1<<0 | 1<<4 | 1<<3
	loadWord     = 0x20
	jumpEqual    = 0x15
	returnValue  = 0x06
	allow        = 0x7fff0000
	ask          = 0x7fc00000
	receive      = 0xc0502100
	respond      = 0xc0182101
	continueFlag = 1
)

// seccompCall is the number of seccomp(2), which package syscall does not know.
var seccompCall = map[string]uintptr{"amd64": 317, "arm64": 277}[runtime.GOARCH]

// watch asks d about each call, until the process ends.
func (d *disk) watch() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, setNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("giving up new privileges: %w", errno)
	}
	watched := []uint32{
		syscall.SYS_PWRITE64, syscall.SYS_FDATASYNC, syscall.SYS_FSYNC, syscall.SYS_FTRUNCATE, syscall.SYS_RENAMEAT,
	}
	code := []instruction{{code: loadWord}}
	for i, number := range watched {
		code = append(code, instruction{jumpEqual, uint8(len(watched) - i), 0, number})
	}
	code = append(code, instruction{code: returnValue, immediate: allow}, instruction{code: returnValue, immediate: ask})
	p := program{uint16(len(code)), &code[0]}
	listener, _, errno := syscall.RawSyscall(seccompCall, setModeFilter, filterFlags, uintptr(unsafe.Pointer(&p)))
	if errno != 0 {
		return fmt.Errorf("setting a filter of system calls: %w", errno)
	}
	go d.listen(listener)
	return nil
}

func (d *disk) listen(listener uintptr) {
	for {
		var n notice
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, listener, receive, uintptr(unsafe.Pointer(&n))); errno != 0 {
			continue // a signal, or a thread that is gone
		}
		v := verdict{id: n.id, flags: continueFlag}
		if errno := d.answer(uint64(n.number), n.args[0]); errno != 0 {
			v.errno, v.flags = -int32(errno), 0
		}
		_, _, _ = syscall.Syscall(syscall.SYS_IOCTL, listener, respond, uintptr(unsafe.Pointer(&v)))
	}
}

// aloneVariable is set in the process that a test runs in alone.
const aloneVariable = "FROSTKIT_TEST_ALONE"

// alone runs the test in a process of its own; in that process it returns true.
func alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv(aloneVariable) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.v", "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), aloneVariable+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	} else {
		t.Logf("%s", out)
	}
	return false
}
