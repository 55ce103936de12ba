package steps

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// stuckAt is a relay that answers all calls but some, which never end.
type stuckAt struct {
	calls string // separated by blanks
	how   func(w http.ResponseWriter)
}

func (s stuckAt) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	call := strings.TrimPrefix(r.URL.Path, "/")
	if strings.Contains(" "+s.calls+" ", " "+call+" ") {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for r.Context().Err() == nil {
			s.how(w)
			<-tick.C
		}
		return
	}
	w.Header().Set("Frostkit-Relay", "wait=60, grace=60, cursor, idempotency, carry, keeps-early, leave")
	w.Header().Set("Content-Type", "application/json")
	switch call {
	case "challenge":
		fmt.Fprintf(w, `{"challenge":%q}`, uuid.NewString())
	case "login":
		fmt.Fprintf(w, `{"access_token":%q}`, uuid.NewString())
	case "create_new_session":
		fmt.Fprintf(w, `{"session_id":%q}`, uuid.NewString())
	case "list_sessions":
		if s.calls != "" {
			_, _ = io.WriteString(w, `{"session_ids":["`+uuid.NewString()+`"]}`)
			return
		}
		_, _ = io.WriteString(w, `{"session_ids":["`+strings.Repeat(uuid.NewString()+`","`, 20_000)+uuid.NewString()+`"]}`)
	case "get_session_info":
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"code":3,"msg":"session was not found","error":{"code":"SessionNotFound"}}`)
	case "receive":
		_, _ = io.WriteString(w, `{"msgs":[]}`)
	default:
		_, _ = io.WriteString(w, "null")
	}
}

func drip(w http.ResponseWriter) {
	_, _ = io.WriteString(w, " ")
	_ = http.NewResponseController(w).Flush()
}

func stuck(http.ResponseWriter) {}

// Whatever a relay never answers, and however many sessions it lists, a member's part ends
// soon after its deadline.
func TestPartsEndAtTheirDeadline(t *testing.T) {
	const wait, leaving = 500 * time.Millisecond, 2 * leaveTimeout // there are up to two bounded sets of calls
	var all sync.WaitGroup
	for _, calls := range []string{
		"", "challenge", "login", "list_sessions", "get_session_info", "create_new_session", "send receive",
		"receive close_session", "close_session logout", "logout",
	} {
		for kind, how := range map[string]func(http.ResponseWriter){"drips": drip, "silence": stuck} {
			for part := range parts(nil) {
				all.Go(func() { // they wait, all at once
					t.Run(calls+"/"+kind+"/"+part, func(t *testing.T) {
						start := time.Now()
						err := runAgainst(t, stuckAt{calls, how}, part, wait)
						if took := time.Since(start); err == nil || took > 2*wait+leaving+2*time.Second {
							t.Errorf("it took %v and ended with %v", took, err)
						}
					})
				})
			}
		}
	}
	all.Wait()
}

func runAgainst(t *testing.T, relay http.Handler, part string, wait time.Duration) error {
	web := httptest.NewServer(relay)
	t.Cleanup(web.Close)
	w := newWorld(t, "Alice", "Bob")
	w.url = web.URL
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return parts(w)[part](ctx, wait)
}

// parts are members' parts that wait for so long.
func parts(w *world) map[string]func(context.Context, time.Duration) error {
	dkg := func(creates bool) func(context.Context, time.Duration) error {
		return func(ctx context.Context, wait time.Duration) error {
			part := w.dkg("Alice", creates)
			part.Wait, part.Timeout = wait, wait
			return part.Run(ctx)
		}
	}
	return map[string]func(context.Context, time.Duration) error{
		"opening a key generation": dkg(true),
		"joining a key generation": dkg(false),
		"coordinating": func(ctx context.Context, wait time.Duration) error {
			m := w.makeGroup()
			part := &Coordinate{
				Session: w.session("Alice"), Key: w.keys["Alice"], PublicKeyPackage: m.public, Signers: m.members,
				Messages: [][]byte{[]byte("m")}, Timeout: wait,
			}
			part.Wait = 0
			_, err := part.Run(ctx)
			return err
		},
		"collecting": func(ctx context.Context, wait time.Duration) error {
			part := w.collect(w.makeGroup(), 0)
			part.Wait, part.Timeout = wait, wait
			_, err := part.Run(ctx)
			return err
		},
		"answering": func(ctx context.Context, wait time.Duration) error {
			part := w.answer(w.makeGroup(), "Alice")
			part.Wait, part.Timeout = wait, wait
			_, err := part.Run(ctx)
			return err
		},
		"signing": func(ctx context.Context, wait time.Duration) error {
			m := w.makeGroup()
			part := &Participate{
				Session: w.session("Alice"), Key: w.keys["Alice"], KeyPackage: m.keys["Alice"], Members: m.members, Timeout: wait,
			}
			part.Wait = wait
			return part.Run(ctx)
		},
	}
}
