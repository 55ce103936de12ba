//go:build unix

package files

import "syscall"

// nonblocking keeps the opening of what turns out to be a pipe from waiting.
const nonblocking = syscall.O_NONBLOCK
