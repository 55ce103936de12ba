//go:build goexperiment.runtimesecret

package secret

import "runtime/secret"

// Do calls f and then wipes what f left in registers and on the stack. What f
// allocated is wiped when it is collected.
func Do(f func()) { secret.Do(f) }
