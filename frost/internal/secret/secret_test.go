package secret

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
)

type holder struct {
	Guard
	key []byte
}

func TestGuard(t *testing.T) {
	h := holder{key: []byte("key")}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		for _, v := range []any{h, &h} {
			if text := fmt.Sprintf(verb, v); text != "[secret]" {
				t.Errorf("%s: %s", verb, text)
			}
		}
	}
	if _, err := json.Marshal(h); !errors.Is(err, ErrMarshal) {
		t.Error(err)
	}
}

func TestDoCallsOnce(t *testing.T) {
	calls := 0
	Do(func() { calls++ })
	if calls != 1 {
		t.Errorf("%d calls", calls)
	}
}
