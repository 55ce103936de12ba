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
	"sync/atomic"
	"time"
)

// callTimeout bounds every call, so that a server that hangs ends the load.
const callTimeout = 30 * time.Second

// target is a server under load: one process, or several that serve the same.
type target struct {
	url    *url.URL     // http or https, with a port
	others []string     // host:port of the further processes
	tls    *tls.Config  // for https
	pids   []int        // the processes whose memory and time count; none: not measured
	behind []int        // those that they keep their state in
	turn   atomic.Int64 // whose first call goes to which of the processes
}

// wire is one connection that speaks HTTP/1.1, used by one goroutine. Requests
// are bytes made ahead, so that the load takes as little as possible of the
// processor that it shares with the server.
type wire struct {
	conn net.Conn
	read *bufio.Reader
	body bytes.Buffer
}

// dial connects to the first of the processes.
func (t *target) dial(ctx context.Context) (*wire, error) { return t.dialHost(ctx, t.url.Host) }

func (t *target) dialHost(ctx context.Context, host string) (*wire, error) {
	dialer := &net.Dialer{Timeout: callTimeout}
	var conn net.Conn
	var err error
	if t.tls != nil {
		conn, err = (&tls.Dialer{NetDialer: dialer, Config: t.tls}).DialContext(ctx, "tcp", host)
	} else {
		conn, err = dialer.DialContext(ctx, "tcp", host)
	}
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", host, err)
	}
	return &wire{conn: conn, read: bufio.NewReaderSize(conn, 4096)}, nil
}

func (w *wire) close() { _ = w.conn.Close() }

// wires is a connection to each of the processes; the calls go to them in turn,
// as they would through a balancer.
type wires struct {
	all  []*wire
	next int
}

// dialAll connects to all processes. Whose turn comes first differs from call
// to call.
func (t *target) dialAll(ctx context.Context) (*wires, error) {
	w := &wires{next: int(t.turn.Add(1))}
	for _, host := range append([]string{t.url.Host}, t.others...) {
		one, err := t.dialHost(ctx, host)
		if err != nil {
			w.close()
			return nil, err
		}
		w.all = append(w.all, one)
	}
	return w, nil
}

// call is [wire.call] with the next process.
func (w *wires) call(request []byte) ([]byte, error) {
	w.next++
	return w.all[w.next%len(w.all)].call(request)
}

// ask is call with an answer in JSON.
func (w *wires) ask(request []byte, answer any) error {
	body, err := w.call(request)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, answer)
}

func (w *wires) close() {
	for _, one := range w.all {
		one.close()
	}
}

// caller makes calls.
type caller interface {
	ask(request []byte, answer any) error
}

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
