//go:build linux || darwin

package runner

import "syscall"

// freeSpace returns how many bytes this user can still write to the disk that a
// folder is on.
func freeSpace(dir string) (bytes uint64, known bool) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return 0, false
	}
	return stat.Bavail * uint64(stat.Bsize), true
}
