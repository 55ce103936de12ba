package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

const (
	// waitSeconds is how long the client lets a relay hold a call: well under
	// the minute after which proxies tend to cut it.
	waitSeconds = 30
	// answerTimeout is how long an answer may take beyond that.
	answerTimeout = 2 * time.Minute
)

var nullBody = []byte("null")

// call is one call of frostd's API.
type call struct {
	name        string
	body        []byte
	wait        bool   // as a long poll
	ifNoneMatch string // an entity tag, or empty
	repeatable  bool   // doing it twice does no harm
	once        bool   // has to be done once: repeatable with an idempotency key

	idempotency string // an idempotency key, or empty
}

// answer is what came back with status 200.
type answer struct {
	call     string
	body     []byte
	header   http.Header
	repeated bool // an earlier try of the call lost its answer
	held     bool // the relay waited before it answered, as it was asked to
}

// decode reads the answer's JSON.
func (a *answer) decode(v any) error {
	if err := json.Unmarshal(a.body, v); err != nil {
		return a.unexpected(err.Error())
	}
	return nil
}

// unexpected is the error of an answer that is not frostd's.
func (a *answer) unexpected(reason string) error {
	return &ResponseError{Call: a.call, Status: http.StatusOK, Text: reason}
}

// encode returns the JSON of a request.
func encode(v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding a request: %w", err)
	}
	return body, nil
}

// call makes a call as the logged-in member, and logs in first, or again, where
// it has to. The answer is never nil.
func (c *Client) call(ctx context.Context, call call) (*answer, error) {
	token, err := c.currentToken(ctx, "")
	if err != nil {
		return &answer{}, err
	}
	if call.once && c.hasIdempotency() {
		call.repeatable, call.idempotency = true, `"`+uuid.NewString()+`"`
	}
	for again := true; ; again = false {
		reply, err := c.retry(ctx, call, func() (*answer, error) { return c.post(ctx, call, token) })
		if !again || !errors.Is(err, ErrUnauthorized) {
			return reply, err
		}
		if token, err = c.currentToken(ctx, token); err != nil {
			return reply, err
		}
	}
}

// currentToken returns the token, logging in if there is none or it is refused.
func (c *Client) currentToken(ctx context.Context, refused string) (string, error) {
	select {
	case c.loggingIn <- struct{}{}:
		defer func() { <-c.loggingIn }()
	case <-ctx.Done():
		return "", fmt.Errorf("logging in: %w", context.Cause(ctx))
	}
	c.mu.Lock()
	token := c.token
	c.mu.Unlock()
	if token != "" && token != refused {
		return token, nil
	}
	if err := c.Login(ctx); err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token, nil
}

func (c *Client) hasIdempotency() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.extensions.idempotency
}

// retry makes tries until one gets an answer, as slowly as a relay asks for: for as long as ctx lasts once the
// relay has answered, and before that for a while. The answer is never nil.
func (c *Client) retry(ctx context.Context, call call, try func() (*answer, error)) (*answer, error) {
	repeated, started := false, time.Now()
	for lostDelay := newDelay(100*time.Millisecond, 2, 5*time.Second); ; {
		reply, err := try()
		if reply == nil {
			reply = &answer{}
		}
		reply.repeated = repeated
		delay := lostDelay
		var refusal *APIError
		var lost *UnreachableError
		switch {
		case errors.As(err, &refusal) && refusal.RetryAfter > 0 && (call.repeatable || refusal.Code != unknownCode):
			repeated = repeated || refusal.Code == unknownCode
			delay = delayAfter(refusal.RetryAfter)
		case !errors.As(err, &lost) || !c.hasAnswered() && time.Since(started) >= c.firstPatience(lost):
			return reply, err
		case !call.repeatable && lost.mayHaveArrived:
			return reply, fmt.Errorf("%w (whether the relay got the call is not known)", err)
		default:
			c.noteAway(lost)
			repeated = repeated || lost.mayHaveArrived
			if after := lost.retryAfter(); after > 0 {
				delay = delayAfter(after)
			}
		}
		c.log.InfoContext(ctx, "trying again", "call", call.name, "error", err)
		if paused := delay.pause(ctx); paused != nil {
			return reply, fmt.Errorf("%w; gave up: %w", err, paused)
		}
	}
}

// proxyPatience is that of a [Client] for a proxy before which no relay has ever answered.
const proxyPatience = time.Minute

// firstPatience is for how long a relay is tried that has not answered yet: longer where a proxy says
// that it passes.
func (c *Client) firstPatience(lost *UnreachableError) time.Duration {
	var proxy *ProxyError
	if errors.As(lost, &proxy) {
		return c.proxied
	}
	return c.first
}

// delayAfter pauses for as long as was asked for, at least, and at most twice as long.
func delayAfter(asked time.Duration) *delay { return newDelay(2*asked, 1, 2*asked) }

func (c *Client) hasAnswered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered
}

// post makes one HTTP request.
func (c *Client) post(ctx context.Context, call call, token string) (*answer, error) {
	start := time.Now()
	var written atomic.Bool
	timeout := answerTimeout
	if call.wait {
		timeout += waitSeconds * time.Second
	}
	tryCtx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tryCtx = httptrace.WithClientTrace(tryCtx, &httptrace.ClientTrace{
		WroteRequest: func(info httptrace.WroteRequestInfo) { written.Store(info.Err == nil) },
	})
	request, err := c.newRequest(tryCtx, call, token)
	if err != nil {
		return nil, err
	}
	response, body, err := c.exchange(call, request)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, fmt.Errorf("calling %s: %w", call.name, context.Cause(ctx))
	case err != nil:
		return nil, c.transportError(err, written.Load())
	}
	c.log.DebugContext(ctx, "call", "call", call.name, "status", response.StatusCode,
		"sent", len(call.body), "received", len(body), "took", time.Since(start))
	reply, err := c.read(call, response, body)
	if reply != nil {
		reply.held = held(response.Header, time.Since(start))
		c.noteAnswer(time.Since(start), call.wait)
	}
	return reply, err
}

func (c *Client) noteAnswer(took time.Duration, waited bool) {
	c.noteAway(nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered = true
	if !waited {
		c.took = took
	}
}

// held reports whether a relay let a call wait, not only said so: one that is
// shutting down answers at once.
func held(header http.Header, took time.Duration) bool {
	applied, ok := preferredWait(header["Preference-Applied"])
	return ok && took >= time.Duration(applied)*time.Second/2
}

func (c *Client) newRequest(ctx context.Context, call call, token string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/"+call.name, bytes.NewReader(call.body))
	if err != nil {
		return nil, fmt.Errorf("calling %s: %w", call.name, err)
	}
	header := request.Header
	header.Set("Content-Type", "application/json")
	header.Set("User-Agent", c.userAgent)
	header.Set(clientHeader, keepsEarlyToken)
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	if call.wait {
		header.Set("Prefer", "wait="+strconv.Itoa(waitSeconds))
	}
	if call.ifNoneMatch != "" {
		header.Set("If-None-Match", call.ifNoneMatch)
	}
	if call.idempotency != "" {
		header.Set(idempotencyHeader, call.idempotency)
	}
	return request, nil
}

// extensionSet is what a relay can do beyond frostd.
type extensionSet struct {
	names               map[string]bool
	cursor, idempotency bool
	grace               time.Duration
}

// parseExtensions reads the extensions header. What it does not know or cannot
// read it passes over.
func parseExtensions(value string) extensionSet {
	set := extensionSet{names: map[string]bool{}}
	for member := range strings.SplitSeq(value, ",") {
		name, number, _ := strings.Cut(strings.TrimSpace(member), "=")
		switch name {
		case "cursor":
			set.cursor = true
		case "idempotency":
			set.idempotency = true
		case "grace":
			seconds, err := strconv.ParseUint(number, 10, 31)
			if err != nil {
				continue
			}
			set.grace = time.Duration(seconds) * time.Second
		case "wait", "carry", "keeps-early", "leave", "origin":
		default:
			continue
		}
		set.names[name] = true
	}
	return set
}

// delay is a pause that grows.
type delay struct {
	next, most time.Duration
	factor     float64
}

func newDelay(first time.Duration, factor float64, most time.Duration) *delay {
	return &delay{next: first, most: most, factor: factor}
}

// pause waits for between half of the delay and all of it, so that clients do
// not keep in step, or until ctx ends.
func (d *delay) pause(ctx context.Context) error {
	timer := time.NewTimer(d.next/2 + rand.N(d.next/2+1))
	defer timer.Stop()
	d.next = min(time.Duration(float64(d.next)*d.factor), d.most)
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// polling spaces the calls to a relay that answers at once that there is
// nothing: from 50 ms to 2 s apart. One that lets the call wait is asked again
// at once.
type polling struct{ delay *delay }

func newPolling() *polling { return &polling{newDelay(50*time.Millisecond, 1.5, 2*time.Second)} }

// pause waits before the next call, unless the relay has waited already.
func (p *polling) pause(ctx context.Context, held bool) error {
	if held {
		return nil
	}
	return p.delay.pause(ctx)
}
