package relay

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Header names of our extensions to frostd's API.
const (
	// extensionsHeader, in the answers of challenge and login, is a structured
	// dictionary (RFC 9651) of the extensions that the relay has.
	extensionsHeader = "Frostkit-Relay"
	// clientHeader, in requests, is a structured list (RFC 9651) of what the
	// client can do beyond frost-client.
	clientHeader = "Frostkit-Client"
	// keepsEarlyToken in it says that the client keeps messages that come before
	// it can use them, so that nobody need pause between rounds for its sake.
	keepsEarlyToken = "keeps-early"
	// idempotencyHeader is a UUID that makes repeats of a call count once
	// (draft-ietf-httpapi-idempotency-key-header).
	idempotencyHeader = "Idempotency-Key"
)

// extensions returns the value of the extensions header: the longest long poll
// and the time of grace in seconds, and whether logins can be bound to an origin.
func extensions(limits *Limits, bound bool) string {
	names := fmt.Sprintf("wait=%d, grace=%d, cursor, idempotency, carry, keeps-early, leave",
		int(limits.MaxWait.Seconds()), int(limits.Grace.Seconds()))
	if bound {
		names += ", origin"
	}
	return names
}

// keepsEarly reports whether the client keeps early messages.
func keepsEarly(header http.Header) bool {
	for _, token := range strings.Split(header.Get(clientHeader), ",") {
		if strings.TrimSpace(token) == keepsEarlyToken {
			return true
		}
	}
	return false
}

// announce tells the client what this relay can do beyond frostd.
func (x *exchange) announce() { x.header[extensionsHeader] = []string{x.extensions} }

// idempotencyKey returns the request's idempotency key, or uuid.Nil.
func idempotencyKey(header http.Header) (uuid.UUID, error) {
	text := header.Get(idempotencyHeader)
	if text == "" {
		return uuid.Nil, nil
	}
	key, err := uuid.Parse(strings.Trim(text, `"`))
	if err != nil {
		return uuid.Nil, InvalidArgumentError("Idempotency-Key is not a UUID")
	}
	return key, nil
}

// preferredWait returns the seconds of the wait preference in the values of the
// Prefer header (RFC 7240, section 4.3). Of several the first counts (section
// 2); one that is no number of seconds counts for nothing.
func preferredWait(values []string) (seconds int, ok bool) {
	for _, value := range values {
		for preference := range strings.SplitSeq(value, ",") {
			preference, _, _ = strings.Cut(preference, ";") // its parameters
			name, number, found := strings.Cut(preference, "=")
			if !found || !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			seconds, err := strconv.ParseUint(strings.Trim(number, " \t\""), 10, 31)
			if err != nil {
				return 0, false
			}
			return int(seconds), true
		}
	}
	return 0, false
}

// wait calls try until it is done or fails, or for as long as the caller wants
// to wait: once if it does not.
func (x *exchange) wait(topic Topic, try func() (done bool, err error)) error {
	seconds, wanted := preferredWait(x.request.Header["Prefer"])
	seconds = min(seconds, int(x.limits.MaxWait.Seconds()))
	if wanted {
		x.header.Set("Preference-Applied", "wait="+strconv.Itoa(seconds))
	}
	if done, err := try(); done || err != nil || seconds == 0 {
		return err
	}
	patience := time.Duration(seconds) * time.Second
	// The timeouts of the connection are for a call that is answered at once.
	// A server without them has nothing to set.
	control := http.NewResponseController(x.writer)
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Now().Add(patience + x.limits.WriteTimeout))
	return x.waitFor(topic, patience, try)
}

// waitFor is wait once there is something to wait for.
func (x *exchange) waitFor(topic Topic, patience time.Duration, try func() (bool, error)) error {
	wake, stop := x.store.Watch(topic)
	defer stop()
	x.observer.Waiting(1)
	start := time.Now()
	defer func() {
		x.observer.Waiting(-1)
		x.waited = time.Since(start)
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		// After Watch, so that nothing comes between a look and the wait.
		if done, err := try(); done || err != nil {
			return err
		}
		select {
		case <-wake:
		case <-timer.C:
			return nil
		case <-x.done:
			return nil
		case <-x.request.Context().Done():
			return x.request.Context().Err()
		}
	}
}
