package files

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestReadWholeStopsAtTheLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "message")
	for size, fits := range map[int]bool{0: true, 9: true, 10: true, 11: false} {
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		data, err := ReadWhole(t.Context(), path, 10)
		var long *TooLongError
		if fits && (err != nil || len(data) != size) || !fits && !errors.As(err, &long) {
			t.Errorf("%d bytes: got %d and %v", size, len(data), err)
		}
	}
}

func TestReadStreamEndsWithItsContext(t *testing.T) {
	in, out := io.Pipe()
	defer out.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ReadStream(ctx, in, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestReadStreamOfWhatNeverEnds(t *testing.T) {
	var long *TooLongError
	if _, err := ReadStream(t.Context(), endless{}, 1<<16); !errors.As(err, &long) {
		t.Errorf("got %v, want a TooLongError", err)
	}
	data, err := ReadStream(t.Context(), bytes.NewReader([]byte("whole")), 5)
	if err != nil || string(data) != "whole" {
		t.Errorf("got %q and %v", data, err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
