package relay

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// lateBody is a body that comes after its header.
type lateBody struct{ text io.Reader }

func (b lateBody) Read(p []byte) (int, error) {
	time.Sleep(time.Second)
	return b.text.Read(p)
}

// recordingConn is a client's connection that keeps what the server writes.
type recordingConn struct {
	net.Conn
	mu       sync.Mutex
	received []byte
}

func (c *recordingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.received = append(c.received, p[:n]...)
	return n, err
}

// resets counts the streams of HTTP/2 that the server reset: the frames
// RST_STREAM (RFC 9113, sections 4.1 and 6.4).
func (c *recordingConn) resets() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for frames := c.received; len(frames) >= 9; {
		if frames[3] == 3 {
			n++
		}
		length := int(binary.BigEndian.Uint32(frames) >> 8)
		frames = frames[min(9+length, len(frames)):]
	}
	return n
}

// An answer before the end of its request's body resets the stream of HTTP/2,
// and some clients lose the answer with it.
func TestNoStreamIsReset(t *testing.T) {
	for name, c := range map[string]struct {
		path, body, token string
		status            int
	}{
		"challenge":       {"/challenge", "null", "", 200},
		"list":            {"/list_sessions", "null", "good", 200},
		"logout":          {"/logout", "null", "good", 200},
		"no token":        {"/list_sessions", "null", "", 500},
		"a token expired": {"/send", "{}", uuid.NewString(), 500},
		"another type":    {"/login", "{}", "text", 415},
		"unknown":         {"/nowhere", "{}", "", 404},
		"too long":        {"/challenge", strings.Repeat(" ", 2001), "", 500},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTestServer(t, Config{Limits: Limits{Body: 2000}})
				body := lateBody{strings.NewReader(c.body)}
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://relay"+c.path, body)
				must(t, 0, err)
				request.Header.Set("Content-Type", "application/json")
				switch c.token {
				case "good":
					request.Header.Set("Authorization", "Bearer "+as(t, s).token)
				case "text":
					request.Header.Set("Content-Type", "text/plain")
				default:
					request.Header.Set("Authorization", "Bearer "+c.token)
				}
				status, resets := overHTTP2(t, s, request)
				if status != c.status || resets != 0 {
					t.Errorf("status %d, %d streams reset; want %d and none", status, resets, c.status)
				}
			})
		})
	}
}

// overHTTP2 makes one call, and returns its status and how many streams were
// reset.
func overHTTP2(t *testing.T, s *Server, request *http.Request) (status, resets int) {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	listener, served := newPipeListener(), make(chan error, 1)
	server := &http.Server{Handler: s, Protocols: protocols, ReadHeaderTimeout: time.Second}
	go func() { served <- server.Serve(listener) }()
	raw, err := listener.dial(t.Context())
	conn := &recordingConn{Conn: must(t, raw, err)}
	transport := &http.Transport{
		Protocols:   protocols,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil },
	}
	answer, err := transport.RoundTrip(request)
	must(t, 0, err)
	_, err = io.Copy(io.Discard, answer.Body)
	must(t, 0, err)
	time.Sleep(time.Minute) // until the request's body is over too
	transport.CloseIdleConnections()
	must(t, 0, server.Close())
	<-served
	return answer.StatusCode, conn.resets()
}
