//go:build !linux && !darwin

package runner

// freeSpace cannot tell.
func freeSpace(string) (bytes uint64, known bool) { return 0, false }
