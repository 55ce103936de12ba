package relay

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A request whose length can be read in two ways gets one answer at most, and the
// connection is closed: what follows it is not taken for a request.
func TestAmbiguousRequests(t *testing.T) {
	address := serveTCP(t, newTestServer(t, Config{}))
	const head, smuggled = "POST /challenge HTTP/1.1\r\nHost: relay\r\n", "POST /challenge HTTP/1.1\r\nHost: relay\r\nContent-Length: 0\r\n\r\n"
	for name, text := range map[string]string{
		"both":                 head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"both, the other way":  head + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
		"lengths that differ":  head + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nnull",
		"a list of lengths":    head + "Content-Length: 4, 5\r\n\r\nnull",
		"a signed length":      head + "Content-Length: +4\r\n\r\nnull",
		"a negative length":    head + "Content-Length: -1\r\n\r\n",
		"a hexadecimal length": head + "Content-Length: 0x4\r\n\r\nnull",
		"chunked twice":        head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"chunked, identity":    head + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
		"another encoding":     head + "Transfer-Encoding: gzip\r\n\r\n",
		"a hidden encoding":    head + "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n",
		"blank before a colon": head + "Content-Length : 4\r\n\r\nnull",
		"a folded line":        head + "Content-Length:\r\n 4\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
		"an oversized chunk":   head + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
		"encoding in HTTP/1.0": "POST /challenge HTTP/1.0\r\nHost: relay\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, address)
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			_, _ = io.WriteString(conn, text+smuggled)
			answers, _ := io.ReadAll(conn)
			if n := strings.Count(string(answers), "HTTP/1."); n > 1 {
				t.Errorf("%d answers:\n%s", n, answers)
			}
			answer, err := http.ReadResponse(bufio.NewReader(strings.NewReader(string(answers))), nil)
			if err == nil && answer.StatusCode == 200 && name != "encoding in HTTP/1.0" {
				t.Errorf("answered with %s", answer.Status)
			}
		})
	}
}
