package relay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"frostkit/internal/shown"
)

// exchange sends the request and reads the whole answer.
func (c *Client) exchange(call call, request *http.Request) (*http.Response, []byte, error) {
	response, err := c.http.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := readAnswer(call.name, response)
	return response, body, err
}

// The largest answers in bytes. frostd hands over a whole mailbox at once; a session has up to 65,535
// members; the rest is small, the longest a list of sessions.
const (
	maxMailbox = 32 << 20
	maxInfo    = 6 << 20
	maxAnswer  = 1 << 20
	maxRefusal = 64 << 10 // of what is no answer
)

func mostAnswer(call string, status int) int {
	switch {
	case status != http.StatusOK:
		return maxRefusal
	case call == "receive":
		return maxMailbox
	case call == "get_session_info":
		return maxInfo
	}
	return maxAnswer
}

// readAnswer reads a body. One that is too long fails with a [ResponseError], and is not read where it says
// so beforehand.
func readAnswer(call string, response *http.Response) ([]byte, error) {
	most := mostAnswer(call, response.StatusCode)
	tooLong := &ResponseError{Call: call, Status: response.StatusCode, Text: fmt.Sprintf("it is longer than %d bytes", most)}
	if response.ContentLength > int64(most) {
		return nil, tooLong
	}
	body, err := readUpTo(response.Body, max(int(response.ContentLength), 512)+1, most+1)
	if len(body) > most {
		return nil, tooLong
	}
	return body, err
}

// readUpTo reads to the end, or to so many bytes, into a buffer that has first bytes to begin with and is never longer.
func readUpTo(r io.Reader, first, most int) ([]byte, error) {
	body := make([]byte, 0, min(first, most))
	for {
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case errors.Is(err, io.EOF) || err == nil && len(body) == most:
			return body, nil
		case err != nil:
			return body, err
		case len(body) == cap(body):
			body = append(make([]byte, 0, min(2*cap(body), most)), body...)
		}
	}
}

// read tells answers from refusals, and both from what is no relay's.
func (c *Client) read(call call, response *http.Response, body []byte) (*answer, error) {
	reply := &answer{call: call.name, body: body, header: response.Header}
	status := response.StatusCode
	switch {
	case status == http.StatusOK && !isPage(response.Header, body):
		return reply, nil
	case status == http.StatusInternalServerError:
		if refusal := readRefusal(body); refusal != nil {
			refusal.RetryAfter = retryAfter(response.Header, time.Now())
			return reply, refusal
		}
	}
	page := isPage(response.Header, body)
	if status == http.StatusBadRequest && strings.HasPrefix(c.url, "http:") && wantsTLS.Match(body) {
		return nil, &SchemeError{URL: c.url, TLS: true}
	}
	if passing(status) || page && status >= 500 && c.hasAnswered() {
		return nil, c.fromProxy(response)
	}
	odd := &ResponseError{Call: call.name, Status: status, Page: page, sent: len(call.body)}
	if !page {
		odd.Text = string(body[:min(len(body), shown.MaxWords+1)])
	}
	return nil, odd
}

// wantsTLS is in the answers of net/http and of nginx to what is sent without TLS.
var wantsTLS = regexp.MustCompile(`HTTP request (was sent )?to (an )?HTTPS (server|port)`)

// isPage reports whether an answer is for browsers.
func isPage(header http.Header, body []byte) bool {
	kind, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "text/html") || bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n\ufeff"), []byte("<"))
}

// passing reports whether a status is that of a proxy before a relay and may be another one soon:
// those of RFC 9110 and RFC 6585, and Cloudflare's of a relay that does not answer it.
func passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return 520 <= status && status <= 530
}

// fromProxy is the error of an answer that a proxy gave in the relay's place. The proxy has passed the call on,
// for all that is known, but for the statuses that say that it has not.
func (c *Client) fromProxy(response *http.Response) error {
	status := response.StatusCode
	kept := status == http.StatusRequestTimeout || status == http.StatusTooEarly || status == http.StatusTooManyRequests
	return &UnreachableError{
		URL: c.url, Err: &ProxyError{Status: status, after: retryAfter(response.Header, time.Now())}, mayHaveArrived: !kept,
	}
}

// maxRetryAfter bounds how long a relay, or a proxy, can have a call wait.
const maxRetryAfter = time.Minute

// retryAfter reads Retry-After (RFC 9110, section 10.2.3), seconds or a date; zero: there is none, or
// it is over.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if date, err := http.ParseTime(text); err == nil {
		return min(max(date.Sub(now), 0), maxRetryAfter)
	}
	return 0
}

// readRefusal reads frostd's error, or returns nil.
func readRefusal(body []byte) *APIError {
	var refusal struct {
		Code  *int   `json:"code"`
		Msg   string `json:"msg"`
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	if err := json.Unmarshal(body, &refusal); err != nil || refusal.Code == nil {
		return nil
	}
	return &APIError{Code: *refusal.Code, Name: shown.Words(refusal.Error.Code), Msg: shown.Words(refusal.Msg)}
}
