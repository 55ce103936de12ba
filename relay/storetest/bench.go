package storetest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"frostkit/relay"
)

// Benchmark sends messages of 600 bytes and receives each before the next, by
// so many members at once, every one in a session of its own. Beside the time of
// a pair it reports the 99th percentile of the sends.
func Benchmark(b *testing.B, store relay.Store, members int) {
	limits := relay.DefaultLimits()
	limits.SessionsPerCreator, limits.SessionsPerMember = members, members
	boxes := make([]relay.Mailbox, members)
	for i := range boxes {
		s := session(2)
		if err := store.CreateSession(b.Context(), s, &limits); err != nil {
			b.Fatal(err)
		}
		boxes[i] = box(s.ID, key(1))
	}
	took := make([][]time.Duration, members)
	var working sync.WaitGroup
	b.ResetTimer()
	for i, mailbox := range boxes {
		working.Go(func() { took[i] = pairs(b, store, mailbox, b.N/members+1, &limits) })
	}
	working.Wait()
	b.StopTimer()
	all := slices.Concat(took...)
	slices.Sort(all)
	b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "pairs/s")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}

func pairs(b *testing.B, store relay.Store, mailbox relay.Mailbox, count int, limits *relay.Limits) []time.Duration {
	body := make([]byte, 600)
	took := make([]time.Duration, 0, count)
	cursor := relay.Cursor(0)
	for range count {
		start := time.Now()
		err := store.Send(b.Context(), &relay.Envelope{
			Session: mailbox.Session, Sender: key(0), Recipients: []relay.Key{mailbox.Owner}, Body: body,
		}, limits)
		took = append(took, time.Since(start))
		if err != nil {
			b.Error(err)
			return took
		}
		messages, last, err := store.Receive(b.Context(), mailbox, cursor, limits)
		if err != nil || len(messages) != 1 {
			b.Errorf("received %d messages, %v", len(messages), err)
			return took
		}
		cursor = last
	}
	return took
}
