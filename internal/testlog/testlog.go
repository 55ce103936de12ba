// Package testlog is where tests keep what several goroutines log.
package testlog

import (
	"bytes"
	"sync"
)

// Buffer is a log in memory. Its zero value is empty, and its methods may be called concurrently.
type Buffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

// Write appends to the log. It does not fail.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

// String returns what was written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
