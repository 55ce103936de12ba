package operate

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"frostkit/relay"
)

// observed returns the metrics of a relay that did some work.
func observed(t *testing.T, store relay.Store) *Metrics {
	t.Helper()
	m := NewMetrics()
	m.Store(store)
	m.Certificate(func() time.Time { return time.Unix(1_800_000_000, 0) })
	server, err := relay.NewServer(relay.Config{Store: store, Observer: m, Limits: relay.Limits{LoginBurst: 1}})
	check(t, err)
	defer server.Close()
	for range 2 {
		request := httptest.NewRequest("POST", "/challenge", strings.NewReader("null"))
		server.ServeHTTP(httptest.NewRecorder(), request)
	}
	return m
}

func TestMetrics(t *testing.T) {
	store := relay.NewMemoryStore()
	session := &relay.Session{ID: relay.SessionID{1}, Members: []relay.Key{{1}, {2}}, Coordinator: relay.Key{1}, MessageCount: 1}
	limits := relay.DefaultLimits()
	check(t, store.CreateSession(t.Context(), session, &limits))
	text := scrape(t, observed(t, &changing{MemoryStore: store, writable: true}))
	for _, line := range []string{
		`frostkit_relay_calls_total{call="challenge",outcome="ok"} 1`,
		`frostkit_relay_calls_total{call="challenge",outcome="InvalidArgument"} 1`,
		`frostkit_relay_call_seconds_count{call="challenge"} 2`,
		`frostkit_relay_refused_total{limit="limit-login-rate"} 1`,
		`frostkit_relay_refused_total{limit="limit-queue"} 0`,
		`frostkit_relay_sessions 1`,
		`frostkit_relay_store_up 1`,
		`frostkit_relay_store_writable 1`,
		`frostkit_relay_certificate_expiry_seconds 1.8e+09`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("the metrics have no line %s:\n%s", line, text)
		}
	}
}

// brokenStore cannot say what it holds.
type brokenStore struct{ relay.Store }

func (brokenStore) Stats(context.Context) (relay.Stats, error) {
	return relay.Stats{}, errors.New("out of order")
}

// changing is a store on which changes can fail.
type changing struct {
	*relay.MemoryStore
	writable bool
}

func (c *changing) Writable() bool { return c.writable }

func TestMetricsOfAStoreThatTakesNothing(t *testing.T) {
	text := scrape(t, observed(t, &changing{relay.NewMemoryStore(), false}))
	if !strings.Contains(text, "frostkit_relay_store_writable 0\n") || !strings.Contains(text, "frostkit_relay_store_up 1\n") {
		t.Errorf("metrics:\n%s", text)
	}
}

func TestMetricsOfABrokenStore(t *testing.T) {
	text := scrape(t, observed(t, brokenStore{relay.NewMemoryStore()}))
	if !strings.Contains(text, "frostkit_relay_store_up 0\n") || strings.Contains(text, "frostkit_relay_sessions ") {
		t.Errorf("metrics:\n%s", text)
	}
}

var (
	metricName = regexp.MustCompile(`\b(frostkit_relay|process|go)_[a-z_]+`)
	typeLine   = regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`)
)

// Every metric that the dashboard names exists, and every one of ours is on it.
func TestDashboard(t *testing.T) {
	exists := map[string]bool{}
	for _, match := range typeLine.FindAllStringSubmatch(scrape(t, observed(t, &changing{MemoryStore: relay.NewMemoryStore()})), -1) {
		exists[match[1]] = true
		if match[2] == "histogram" {
			exists[match[1]+"_bucket"] = true
		}
	}
	data, err := os.ReadFile("../../examples/deploy/grafana.json")
	check(t, err)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	check(t, json.Unmarshal(data, &dashboard))
	shown := map[string]bool{}
	for _, panel := range dashboard.Panels {
		if len(panel.Targets) == 0 {
			t.Errorf("panel %q shows nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			names := metricName.FindAllString(target.Expr, -1)
			if len(names) != 1 || !exists[names[0]] {
				t.Errorf("panel %q: %q names %q, want one that exists", panel.Title, target.Expr, names)
			}
			for _, name := range names {
				shown[strings.TrimSuffix(name, "_bucket")] = true
			}
		}
	}
	for name := range exists {
		if strings.HasPrefix(name, prefix) && !shown[strings.TrimSuffix(name, "_bucket")] {
			t.Errorf("no panel shows %s", name)
		}
	}
}
