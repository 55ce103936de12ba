package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// hostile is a relay that answers all calls but one.
type hostile struct {
	call   string
	answer http.HandlerFunc
}

// readily are honest answers of a relay with all extensions.
var readily = map[string]string{
	"challenge":          `{"challenge":"6d3f3d2e-59b4-8a46-9b0b-59f1d6a6d0c3"}`,
	"login":              `{"access_token":"6d3f3d2e-59b4-8a46-9b0b-59f1d6a6d0c3"}`,
	"create_new_session": `{"session_id":"6d3f3d2e-59b4-8a46-9b0b-59f1d6a6d0c3"}`,
	"list_sessions":      `{"session_ids":[]}`,
}

func (h hostile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	call := strings.TrimPrefix(r.URL.Path, "/")
	if call == h.call {
		h.answer(w, r)
		return
	}
	w.Header().Set(extensionsHeader, "wait=60, grace=60, cursor, idempotency, carry, keeps-early, leave")
	w.Header().Set("Content-Type", "application/json")
	if text, known := readily[call]; known {
		_, _ = io.WriteString(w, text)
		return
	}
	_, _ = io.WriteString(w, "null")
}

// each sends something every second until the caller goes away.
func each(r *http.Request, send func() error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for send() == nil {
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

// endlessly are answers that do not end by themselves.
var endlessly = map[string]http.HandlerFunc{
	"nothing": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	"a byte a second": func(w http.ResponseWriter, r *http.Request) {
		each(r, func() error {
			_, err := io.WriteString(w, " ")
			return errors.Join(err, http.NewResponseController(w).Flush())
		})
	},
	"early hints": func(w http.ResponseWriter, r *http.Request) {
		each(r, func() error { w.WriteHeader(http.StatusEarlyHints); return nil })
	},
	"a hangup":       func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"502":            func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
	"a page of 500":  pageOf(http.StatusInternalServerError),
	"429 for a year": retryLater(http.StatusTooManyRequests, "31536000"),
	"503 until 2099": retryLater(http.StatusServiceUnavailable, "Thu, 01 Jan 2099 00:00:00 GMT"),
	"busy": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"code":1,"msg":"slow down","error":{"code":"InvalidArgument"}}`)
	},
}

func pageOf(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html><script>alert(1)</script></html>")
	}
}

func retryLater(status int, after string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", after)
		w.WriteHeader(status)
	}
}

// clientCalls are all calls of a client, by their names on the wire.
var clientCalls = map[string]func(*Client, context.Context) error{
	"challenge":          (*Client).Login,
	"login":              (*Client).Login,
	"logout":             (*Client).Logout,
	"list_sessions":      sessionsCall,
	"create_new_session": func(c *Client, ctx context.Context) error { return justErr(c.CreateSession(ctx, nil, 1)) },
	"get_session_info":   infoCall,
	"send":               func(c *Client, ctx context.Context) error { return c.Send(ctx, uuid.New(), nil, nil) },
	"receive":            receiveCall,
	"close_session":      func(c *Client, ctx context.Context) error { return c.CloseSession(ctx, uuid.New()) },
	"leave_session":      func(c *Client, ctx context.Context) error { return c.LeaveSession(ctx, uuid.New()) },
}

// Every call ends with its context, whatever the relay, or a proxy before it, does.
func TestEveryCallEndsAtItsDeadline(t *testing.T) {
	for name, call := range clientCalls {
		for kind, answer := range endlessly {
			t.Run(name+"/"+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := &network{}
					defer n.serveHandler(hostile{name, answer})()
					c := n.client(t, nil)
					if name != "challenge" && name != "login" {
						must(t, 0, c.Login(t.Context()))
					}
					const deadline = 7 * time.Second
					ctx, cancel := context.WithTimeout(t.Context(), deadline)
					defer cancel()
					var err error
					if took := elapsed(func() { err = call(c, ctx) }); err == nil || took > deadline {
						t.Errorf("it took %v and ended with %v", took, err)
					} else if strings.Contains(err.Error(), "<") {
						t.Errorf("a page is shown: %v", err)
					}
					c.Close()
				})
			})
		}
	}
}

// longAnswers say how long they are, or do not.
var longAnswers = map[string]http.HandlerFunc{
	"said": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "3221225472")
		gigabytes(w)
	},
	"not said": func(w http.ResponseWriter, r *http.Request) { gigabytes(w) },
}

// blanks is a megabyte that no measurement counts.
var blanks = bytes.Repeat([]byte(" "), 1<<20)

// gigabytes writes three of them, unless the reader goes away.
func gigabytes(w io.Writer) {
	for range 3 << 10 {
		if _, err := w.Write(blanks); err != nil {
			return
		}
	}
}

// Answers of three gigabytes are refused: at once where they say how long they are, and before they take much
// memory otherwise.
func TestAnswersAreBounded(t *testing.T) {
	for name, call := range clientCalls {
		for kind, answer := range longAnswers {
			most := uint64(4 << 20)
			if name == "receive" || name == "get_session_info" {
				most = 3 * maxMailbox // in all, while a buffer grows by doubling
			}
			if kind == "said" {
				most = 4 << 20
			}
			t.Run(name+"/"+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := &network{}
					defer n.serveHandler(hostile{name, answer})()
					c := n.client(t, nil)
					if name != "challenge" && name != "login" {
						must(t, 0, c.Login(t.Context()))
					}
					var before, after runtime.MemStats
					runtime.ReadMemStats(&before)
					err := call(c, t.Context())
					runtime.ReadMemStats(&after)
					var odd *ResponseError
					if !errors.As(err, &odd) || !strings.Contains(err.Error(), "longer than") {
						t.Errorf("error %v", err)
					}
					if took := after.TotalAlloc - before.TotalAlloc; took > most {
						t.Errorf("%d MiB were allocated, at most %d wanted", took>>20, most>>20)
					}
					c.Close()
				})
			})
		}
	}
}

// A list of 20,000 sessions is read, and takes little memory.
func TestManySessionsListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		defer n.serveHandler(hostile{"list_sessions", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"session_ids":["`+uuid.NewString())
			for range 19_999 {
				_, _ = io.WriteString(w, `","`+uuid.NewString())
			}
			_, _ = io.WriteString(w, `"]}`)
		}})()
		c := n.client(t, nil)
		must(t, 0, c.Login(t.Context()))
		ids, err := c.Sessions(t.Context())
		if err != nil || len(ids) != 20_000 {
			t.Errorf("%d sessions, %v", len(ids), err)
		}
		c.Close()
	})
}

// What a proxy answers for a while in the relay's place is waited for, at the first call too, and as long as it says.
func TestProxiesAnswersPass(t *testing.T) {
	for _, c := range []struct {
		status      int
		after       string
		least, most time.Duration
	}{
		{408, "", 0, time.Second},
		{425, "", 0, time.Second},
		{429, "3", 3 * time.Second, 6 * time.Second},
		{429, "", 0, time.Second},
		{502, "", 0, time.Second},
		{503, "Sat, 01 Jan 2000 00:00:20 GMT", 19 * time.Second, 40 * time.Second}, // a bubble begins in that second
		{503, "soon", 0, time.Second},
		{504, "0", 0, time.Second},
		{520, "", 0, time.Second},
		{530, "1", time.Second, 2 * time.Second},
	} {
		t.Run(fmt.Sprint(c.status, c.after), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{}
				asked := 0
				defer n.serveHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if asked++; asked == 1 {
						w.Header().Set("Content-Type", "text/html")
						retryLater(c.status, c.after)(w, r)
						return
					}
					hostile{}.ServeHTTP(w, r)
				}))()
				client := n.client(t, nil)
				var err error
				took := elapsed(func() { err = client.Login(t.Context()) })
				if err != nil || took < c.least || took > c.most {
					t.Errorf("logged in after %v with %v, want %v to %v", took, err, c.least, c.most)
				}
				client.Close()
			})
		})
	}
}

// Without a relay behind it a proxy is told as one, and a body limit as such; no page is shown.
func TestProxiesAreTold(t *testing.T) {
	for status, want := range map[int]string{
		403: "a proxy or web server answered 403 Forbidden",
		404: "a proxy or web server answered 404 Not Found",
		413: "its body limit has to be the relay's at least",
		500: "a proxy or web server answered 500 Internal Server Error",
		503: "a proxy before it answered 503 Service Unavailable; is the relay running behind it?",
		526: "a proxy before it answered 526;",
		200: "a web page came back",
	} {
		synctest.Test(t, func(t *testing.T) {
			n := &network{}
			defer n.serveHandler(pageOf(status))()
			c := n.client(t, nil)
			var err error
			took := elapsed(func() { err = c.Login(t.Context()) })
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "script") {
				t.Errorf("%d: %v, want %q", status, err, want)
			}
			if took > proxyPatience+10*time.Second {
				t.Errorf("%d: it took %v", status, took)
			}
			c.Close()
		})
	}
}
