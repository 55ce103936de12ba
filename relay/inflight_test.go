package relay

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// greedy opens so many streams over one connection that ask for messages, and lets no byte
// of an answer come. It returns once each was begun, cut off or refused.
func (r *separateRelay) greedy(t *testing.T, streams int, token, body string) (stop func()) {
	conn, err := tls.Dial("tcp", r.address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	must(t, 0, err)
	_, err = conn.Write([]byte(http2.ClientPreface))
	must(t, 0, err)
	framer := http2.NewFramer(conn, conn)
	must(t, 0, framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}))
	told := make(chan struct{})
	go func() {
		seen := map[uint32]bool{}
		for range 100 * streams {
			frame, err := framer.ReadFrame()
			if err != nil {
				break
			}
			switch frame.(type) {
			case *http2.HeadersFrame, *http2.RSTStreamFrame:
				seen[frame.Header().StreamID] = true
			}
			if len(seen) == streams {
				break
			}
		}
		close(told)
	}()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for i := range streams {
		block.Reset()
		for _, field := range [][2]string{
			{":method", "POST"},
			{":scheme", "https"},
			{":authority", r.address},
			{":path", "/receive"},
			{"content-type", "application/json"},
			{"authorization", "Bearer " + token},
			{"content-length", fmt.Sprint(len(body))},
		} {
			must(t, 0, encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}))
		}
		id := uint32(2*i + 1)
		if framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true}) != nil ||
			framer.WriteData(id, true, []byte(body)) != nil {
			break // the relay has closed the connection
		}
	}
	select {
	case <-told:
	case <-time.After(20 * time.Second):
	}
	return func() { conn.Close() }
}

// Ten connections of 240 streams each, over which no answer is taken, make a relay hold
// little, and others are served beside them.
func TestAnswersThatNobodyTakes(t *testing.T) {
	r := startSeparateRelay(t)
	members, honest := r.members(t, 3)
	idle := rounds(t, members, honest)
	attackers, id := r.members(t, 2)
	for range 8 {
		must(t, 0, attackers[0].Send(t.Context(), id, nil, make([]byte, 60_000)))
	}
	body := `{"session_id":"` + id.String() + `","as_coordinator":true,"cursor":0}`
	before := r.resident(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	for range 10 {
		all.Go(func() {
			stop := r.greedy(t, 240, attackers[0].token, body)
			mu.Lock()
			defer mu.Unlock()
			t.Cleanup(stop)
		})
	}
	all.Wait()
	grown := r.resident(t) - before
	busy := rounds(t, members, honest)
	t.Logf("the relay takes %d MiB more; 99 of 100 rounds within %v, without it %v", grown>>20, busy, idle)
	if grown > 64<<20 {
		t.Errorf("the relay takes %d bytes more", grown)
	}
	if most := 2*idle + 250*time.Millisecond; busy > most {
		t.Errorf("99 of 100 rounds took %v beside it, %v without", busy, idle)
	}
}

// Beyond a budget the answer that was taken least of late gives way, and what is over
// counts no more.
func TestInFlightGivesWay(t *testing.T) {
	g := newGauge()
	f := newInFlight(&Limits{KeyInFlight: 100, AddressInFlight: 150, InFlight: 400}, g)
	cut := map[string]bool{}
	depart := func(name string, key byte, address string, bytes int) *flight {
		return f.depart(Key{key}, networksOf(parseAddress(address)), bytes, func() { cut[name] = true })
	}
	first := depart("first", 1, "", 40)
	depart("second", 1, "", 40)
	f.taken(first)
	depart("third", 1, "", 40)
	if len(cut) != 1 || !cut["second"] {
		t.Errorf("cut %v, want the second, which was taken least of late", cut)
	}
	depart("one address", 2, "[2001:db8:1:1::1]:1", 90)
	last := depart("the same", 3, "[2001:db8:1:1::2]:1", 90)
	if !cut["one address"] || g.refused["limit-address-inflight"] != 1 {
		t.Errorf("cut %v, refused %v", cut, g.refused)
	}
	f.land(first)
	f.land(last)
	last.end()
	if got := f.bytes(); got != 40 || cut["first"] || cut["the same"] {
		t.Errorf("%d bytes in flight, cut %v", got, cut)
	}
}
