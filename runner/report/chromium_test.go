package report

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// ceremonyOf is a report with n members who all do something, in n/2 phases at most.
func ceremonyOf(n int) *Report {
	r := sample()
	r.Groups[0].Members, r.Timeline = nil, nil
	r.Notes = []string{"Nobody has confirmed this group: with frost-client's protocol there is no certificate."}
	for i := range n {
		name := fmt.Sprintf("Member %d of them all", i+1)
		key := []byte(name)
		r.Groups[0].Members = append(r.Groups[0].Members, Member{Name: name, PublicKey: strings.Repeat("a1", 32), Fingerprint: Fingerprint(key), Here: i%2 == 0})
		for j, phase := range []string{"greeting", "round 1", "storing the share", "signatures of the transcript", "confirmations", "commitments", "signature shares"} {
			start := int64(j*150_000 + i*500)
			r.Timeline = append(r.Timeline, Span{name, phase, start, start + 150_000})
		}
	}
	return r
}

// browser starts a headless Chromium.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("the page is tested in Chromium, which is not installed: apt-get install -y --no-install-recommends chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

// seen is what a browser does and says while it shows a page.
type seen struct {
	mu       sync.Mutex
	requests []string
	said     []string
}

func (s *seen) listen(event any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "data:") {
			s.requests = append(s.requests, e.Request.URL)
		}
	case *log.EventEntryAdded:
		s.said = append(s.said, e.Entry.Text)
	case *runtime.EventConsoleAPICalled:
		s.said = append(s.said, fmt.Sprint(e.Type, e.Args))
	case *runtime.EventExceptionThrown:
		s.said = append(s.said, e.ExceptionDetails.Error())
	}
}

// TestPageInChromium looks at the page as its readers do: on a wide and a
// narrow screen, in light and dark, and printed. FROSTKIT_PICTURES names a folder
// to leave pictures in.
func TestPageInChromium(t *testing.T) {
	ctx := browser(t)
	for _, n := range []int{3, 10, 100} {
		r := ceremonyOf(n)
		if n == 10 {
			r.Rehearsal, r.Outcome, r.Failure = true, Failed, "checking round 1: Member 2 of them all sent a share that does not belong to its commitments"
			r.Faults = []string{"wrong-share:Member 2 of them all"}
			r.Findings = []Finding{{"Make the key", "Member 1 of them all", "checking round 1: Member 2 of them all sent a proof of possession that does not verify"}}
		}
		body := must(r.HTML())(t)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write(body)
		}))
		for _, width := range []int64{1200, 360} {
			for _, scheme := range []string{"light", "dark"} {
				t.Run(fmt.Sprintf("%d members, %s, %d wide", n, scheme, width), func(t *testing.T) {
					showPage(t, ctx, server.URL, width, scheme, n)
				})
			}
		}
		t.Run(fmt.Sprintf("%d members, printed", n), func(t *testing.T) { printPage(t, ctx, server.URL, n) })
		server.Close()
	}
}

func showPage(t *testing.T, ctx context.Context, url string, width int64, scheme string, n int) {
	ctx, cancel := chromedp.NewContext(ctx)
	defer cancel()
	var watch seen
	chromedp.ListenTarget(ctx, watch.listen)
	var overflow float64
	var ground string
	var picture []byte
	err := chromedp.Run(ctx, network.Enable(), log.Enable(), runtime.Enable(),
		chromedp.EmulateViewport(width, 900),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
		chromedp.Navigate(url),
		chromedp.Evaluate(`document.documentElement.scrollWidth - document.documentElement.clientWidth`, &overflow),
		chromedp.Evaluate(`getComputedStyle(document.body).backgroundColor`, &ground),
		chromedp.FullScreenshot(&picture, 100))
	if err != nil {
		t.Fatal(err)
	}
	keepPicture(t, fmt.Sprintf("%d-%s-%d.png", n, scheme, width), picture)
	if overflow > 0 {
		t.Errorf("the page is %v pixels wider than the window", overflow)
	}
	if want := map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}[scheme]; ground != want {
		t.Errorf("the ground is %s, want %s", ground, want)
	}
	watch.check(t, url)
}

// check demands that one request was made, for the page, and nothing said.
func (s *seen) check(t *testing.T, url string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) != 1 || strings.TrimSuffix(s.requests[0], "/") != url {
		t.Errorf("the page makes the requests %q, want one for itself", s.requests)
	}
	if len(s.said) > 0 {
		t.Errorf("the console says %q", s.said)
	}
}

// A4 in inches, and the width that is left between the page's margins in CSS pixels.
const (
	a4Width, a4Height = 8.27, 11.69
	printable         = 680 // 210 mm - 2 × 15 mm, at 96 to the inch
)

func printPage(t *testing.T, ctx context.Context, url string, n int) {
	ctx, cancel := chromedp.NewContext(ctx)
	defer cancel()
	var widest float64
	var pdf []byte
	err := chromedp.Run(ctx, emulation.SetEmulatedMedia().WithMedia("print"),
		chromedp.EmulateViewport(printable, 1000), chromedp.Navigate(url),
		chromedp.Evaluate(`Math.max(...[...document.querySelectorAll("body *")].map(e => e.getBoundingClientRect().right))`, &widest),
		chromedp.ActionFunc(func(ctx context.Context) (err error) {
			pdf, _, err = page.PrintToPDF().WithPaperWidth(a4Width).WithPaperHeight(a4Height).WithPreferCSSPageSize(true).Do(ctx)
			return err
		}))
	if err != nil {
		t.Fatal(err)
	}
	keepPicture(t, fmt.Sprintf("%d-print.pdf", n), pdf)
	if widest > printable {
		t.Errorf("printed, the page is %v pixels wide, and A4 has room for %v", widest, printable)
	}
	if len(pdf) < 1000 {
		t.Errorf("the PDF has %d bytes", len(pdf))
	}
}

func keepPicture(t *testing.T, name string, picture []byte) {
	t.Helper()
	if folder := os.Getenv("FROSTKIT_PICTURES"); folder != "" {
		if err := os.WriteFile(filepath.Join(folder, name), picture, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
