package operate

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"frostkit/relay"
)

const prefix = "frostkit_relay_"

// Metrics are a relay's, in Prometheus's form. It is the [relay.Observer] that
// counts.
type Metrics struct {
	registry    *prometheus.Registry
	calls       *prometheus.CounterVec
	seconds     *prometheus.HistogramVec
	received    prometheus.Counter
	sent        prometheus.Counter
	refused     *prometheus.CounterVec
	waiting     prometheus.Gauge
	connections prometheus.Gauge
	inFlight    prometheus.Gauge

	certificateFailures prometheus.Counter
}

var _ relay.Observer = (*Metrics)(nil)

// NewMetrics returns metrics of nothing yet, and of the Go runtime and the
// process.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry:            prometheus.NewRegistry(),
		calls:               newVec("calls_total", "Calls by what they are and how they ended.", "call", "outcome"),
		refused:             newVec("refused_total", "Calls and connections that a limit refused, by its flag.", "limit"),
		received:            newCounter("received_bytes_total", "Bodies of requests in bytes."),
		sent:                newCounter("sent_bytes_total", "Bodies of answers in bytes."),
		waiting:             newGauge("long_polls", "Calls that wait for a message or a session."),
		connections:         newGauge("connections", "Open connections."),
		inFlight:            newGauge("inflight_bytes", "Long answers that are on their way, in bytes."),
		certificateFailures: newCounter("certificate_failures_total", "Handshakes for which no certificate could be got by ACME."),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: prefix + "call_seconds", Help: "How long calls took, without the time that they waited as long polls.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5},
		}, []string{"call"}),
	}
	m.registry.MustRegister(m.calls, m.seconds, m.received, m.sent, m.refused, m.waiting, m.connections, m.inFlight, m.certificateFailures,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, limit := range relay.LimitTable() {
		if limit.Refused != "" {
			m.refused.WithLabelValues(limit.Flag) // so that it is there, and 0
		}
	}
	return m
}

func newVec(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
}

func newCounter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + name, Help: help})
}

func newGauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: prefix + name, Help: help})
}

// Call implements [relay.Observer].
func (m *Metrics) Call(call, outcome string, took time.Duration, received, sent int) {
	m.calls.WithLabelValues(call, outcome).Inc()
	m.seconds.WithLabelValues(call).Observe(took.Seconds())
	m.received.Add(float64(received))
	m.sent.Add(float64(sent))
}

// Refused implements [relay.Observer].
func (m *Metrics) Refused(limit string) { m.refused.WithLabelValues(limit).Inc() }

// Waiting implements [relay.Observer].
func (m *Metrics) Waiting(delta int) { m.waiting.Add(float64(delta)) }

// Connections implements [relay.Observer].
func (m *Metrics) Connections(delta int) { m.connections.Add(float64(delta)) }

// InFlight implements [relay.Observer].
func (m *Metrics) InFlight(delta int) { m.inFlight.Add(float64(delta)) }

// Handler answers with the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 2})
}

// Store adds what a store holds and whether it takes more, if it can say so.
func (m *Metrics) Store(store relay.Store) {
	if writable, ok := store.(relay.Writable); ok {
		m.gaugeFunc("store_writable", "1 if the last change that a call asked for was stored.", func() float64 {
			if writable.Writable() {
				return 1
			}
			return 0
		})
	}
	if counter, ok := store.(relay.Counter); ok {
		m.registry.MustRegister(&storeCollector{counter})
	}
}

// Certificate adds when the relay's certificate expires; a time that is zero is not
// known yet, and NaN.
func (m *Metrics) Certificate(expires func() time.Time) {
	m.gaugeFunc("certificate_expiry_seconds", "When the certificate expires, in seconds of Unix time.",
		func() float64 {
			if at := expires(); !at.IsZero() {
				return float64(at.Unix())
			}
			return math.NaN()
		})
}

func (m *Metrics) gaugeFunc(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: prefix + name, Help: help}, value))
}

// storeTimeout is how long a store may take to say what it holds.
const storeTimeout = 5 * time.Second

// storeCollector asks a store when the metrics are read.
type storeCollector struct{ store relay.Counter }

var (
	tokens   = prometheus.NewDesc(prefix+"tokens", "Tokens that serve.", nil, nil)
	sessions = prometheus.NewDesc(prefix+"sessions", "Sessions, open or still delivering.", nil, nil)
	messages = prometheus.NewDesc(prefix+"messages", "Messages that are queued.", nil, nil)
	stored   = prometheus.NewDesc(prefix+"stored_bytes", "What the store holds, as its limit counts it.", nil, nil)
	storeUp  = prometheus.NewDesc(prefix+"store_up", "1 if the store answers.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (c *storeCollector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{tokens, sessions, messages, stored, storeUp} {
		out <- desc
	}
}

// Collect implements [prometheus.Collector].
func (c *storeCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	gauge := func(desc *prometheus.Desc, value float64) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value)
	}
	stats, err := c.store.Stats(ctx)
	if err != nil {
		gauge(storeUp, 0)
		return
	}
	gauge(storeUp, 1)
	gauge(tokens, float64(stats.Tokens))
	gauge(sessions, float64(stats.Sessions))
	gauge(messages, float64(stats.Messages))
	gauge(stored, float64(stats.Bytes))
}
