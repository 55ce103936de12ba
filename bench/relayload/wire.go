package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// callTimeout bounds every call, so that a server that hangs ends the load.
const callTimeout = 30 * time.Second

// target is a server under load.
type target struct {
	url  *url.URL    // http or https, with a port
	tls  *tls.Config // for https
	pids []int       // the processes whose memory and time count; none: not measured
}

// wire is one connection that speaks HTTP/1.1, used by one goroutine. Requests
// are bytes made ahead, so that the load takes as little as possible of the
// processor that it shares with the server.
type wire struct {
	conn net.Conn
	read *bufio.Reader
	body bytes.Buffer
}

func (t *target) dial(ctx context.Context) (*wire, error) {
	dialer := &net.Dialer{Timeout: callTimeout}
	var conn net.Conn
	var err error
	if t.tls != nil {
		conn, err = (&tls.Dialer{NetDialer: dialer, Config: t.tls}).DialContext(ctx, "tcp", t.url.Host)
	} else {
		conn, err = dialer.DialContext(ctx, "tcp", t.url.Host)
	}
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", t.url, err)
	}
	return &wire{conn: conn, read: bufio.NewReaderSize(conn, 4096)}, nil
}

func (w *wire) close() { _ = w.conn.Close() }

// request returns the bytes of a call, with header lines such as "Prefer: wait=1".
func (t *target) request(call, token, body string, header ...string) []byte {
	out := []byte("POST /" + call + " HTTP/1.1\r\nHost: " + t.url.Host + "\r\nContent-Type: application/json\r\n")
	if token != "" {
		out = append(out, "Authorization: Bearer "+token+"\r\n"...)
	}
	for _, line := range header {
		out = append(out, line+"\r\n"...)
	}
	out = append(out, "Content-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"...)
	return append(out, body...)
}

// call sends a request and returns the body of the answer, valid until the
// next call.
func (w *wire) call(request []byte) ([]byte, error) { return w.callWithin(callTimeout, request) }

func (w *wire) callWithin(limit time.Duration, request []byte) ([]byte, error) {
	if err := w.conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	if _, err := w.conn.Write(request); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(w.read, nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	w.body.Reset()
	if _, err := w.body.ReadFrom(response.Body); err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d: %.200s", response.StatusCode, w.body.Bytes())
	}
	return w.body.Bytes(), nil
}

// ask is call with an answer in JSON.
func (w *wire) ask(request []byte, answer any) error {
	body, err := w.call(request)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, answer)
}
