//go:build !goexperiment.runtimesecret

package secret

// Do calls f. Built with GOEXPERIMENT=runtimesecret, where the toolchain offers
// that, it also wipes what f left in registers and on the stack.
func Do(f func()) { f() }
