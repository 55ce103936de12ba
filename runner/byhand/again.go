package byhand

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"frostkit/frost"
	"frostkit/runner/input"
)

// mistake is what a person can mend by typing it once more: nothing was made of it.
type mistake struct{ error }

// Unwrap returns what is wrong.
func (m mistake) Unwrap() error { return m.error }

func mistakef(format string, args ...any) error { return mistake{fmt.Errorf(format, args...)} }

// patience is how often a person is asked the same: what a program types may never be right.
const patience = 20

// again asks until the answer is no mistake.
func again[T any](c *Console, ask func() (T, error)) (T, error) {
	var before error
	for tries := 1; ; tries++ {
		answer, err := ask()
		var wrong mistake
		switch {
		case errors.Is(err, input.ErrEnded) && before != nil:
			return answer, fmt.Errorf("%w, and %w", before, err)
		case !errors.As(err, &wrong) || tries == patience:
			return answer, err
		}
		before = err
		c.say("%v. Please enter it once more.", err)
	}
}

// number asks for a whole number from low to 65,535.
func (c *Console) number(ctx context.Context, question string, low int) (int, error) {
	return again(c, func() (int, error) {
		text, err := c.ask(ctx, question)
		if err != nil {
			return 0, err
		}
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || int(n) < low {
			return 0, mistakef("%q is no number from %d to 65535", text, low)
		}
		return int(n), nil
	})
}

// identifier asks for an identifier in hexadecimal, as the programs print it, that check accepts.
func (c *Console) identifier(ctx context.Context, cs frost.Ciphersuite, question string, check func(frost.Identifier) error) (frost.Identifier, error) {
	return again(c, func() (frost.Identifier, error) {
		text, err := c.ask(ctx, question)
		if err != nil {
			return frost.Identifier{}, err
		}
		id, err := frost.ParseIdentifier(cs, strings.Trim(text, "\"'"))
		if err != nil {
			return id, mistake{explain(cs, text, err)}
		}
		if err := check(id); err != nil {
			return id, mistake{err}
		}
		return id, nil
	})
}

// explain says of a number what it is as an identifier.
func explain(cs frost.Ciphersuite, text string, err error) error {
	n, notNumber := strconv.ParseUint(text, 10, 16)
	if notNumber != nil {
		return fmt.Errorf("%q is no identifier: %w", text, err)
	}
	id, notOne := frost.NewIdentifier(cs, uint16(n))
	if notOne != nil {
		return fmt.Errorf("%q is no identifier: %w", text, err)
	}
	return fmt.Errorf("%q is no identifier in hexadecimal; that of participant %d is %s", text, n, id)
}

// pasted asks for what decode understands.
func pasted[T any](ctx context.Context, c *Console, what, question string, decode func([]byte) (T, error)) (T, error) {
	return again(c, func() (T, error) {
		var none T
		text, err := c.ask(ctx, question)
		if err != nil {
			return none, err
		}
		value, err := decode([]byte(text))
		if err != nil {
			return none, mistakef("reading %s: %w", what, err)
		}
		return value, nil
	})
}
