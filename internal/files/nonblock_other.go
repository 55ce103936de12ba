//go:build !unix

package files

// nonblocking is nothing where opening does not wait.
const nonblocking = 0
