package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// TooLongError says that what was to be read has more than Most bytes.
type TooLongError struct{ Most int64 }

// Error says how much is read.
func (e *TooLongError) Error() string {
	return fmt.Sprintf("it has more than %d bytes, the most that is read", e.Most)
}

// ReadWhole reads all of a file, a device or a pipe of at most so many bytes. Of what is longer it reads
// one byte more and fails with a [TooLongError]. The end of ctx ends it, even where a pipe has no writer.
func ReadWhole(ctx context.Context, path string, most int64) ([]byte, error) {
	return await(ctx, func() ([]byte, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		data, err := readUpTo(f, most)
		var long *TooLongError
		if errors.As(err, &long) {
			err = &os.PathError{Op: "read", Path: path, Err: err}
		}
		return data, err
	})
}

// ReadStream is [ReadWhole] of an open stream. What it waits for when ctx ends stays with the stream.
func ReadStream(ctx context.Context, in io.Reader, most int64) ([]byte, error) {
	return await(ctx, func() ([]byte, error) { return readUpTo(in, most) })
}

func readUpTo(in io.Reader, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, most+1))
	if err == nil && int64(len(data)) > most {
		return nil, &TooLongError{Most: most}
	}
	return data, err
}

// await lets go of a read that ctx ends: opening a pipe without a writer cannot be interrupted.
func await(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data, err := read()
		done <- result{data, err}
	}()
	select {
	case r := <-done:
		return r.data, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
