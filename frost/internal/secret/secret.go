// Package secret keeps values that hold secrets from being printed or marshalled.
package secret

import (
	"errors"
	"fmt"
	"io"
)

// ErrMarshal is what marshalling a secret fails with.
var ErrMarshal = errors.New("refusing to marshal a secret")

// Guard, embedded, makes a type print as a placeholder and refuse to marshal.
// Its methods have value receivers, so that neither a value nor a pointer, nor
// a struct that holds either, shows the fields beside it.
type Guard struct{}

// Format prints a placeholder, whatever the verb.
func (Guard) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[secret]") }

// MarshalText fails with [ErrMarshal], and so does every encoder that asks it.
func (Guard) MarshalText() ([]byte, error) { return nil, ErrMarshal }
