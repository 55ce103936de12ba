package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"frostkit/relay"
)

func testMessages(e *env) {
	id := e.open(3)
	e.check(e.send(id, "to 1", key(1)))
	e.check(e.send(id, "to 1 and 2", key(1), key(2)))
	e.check(e.send(id, "to the coordinator"))
	e.check(e.send(id, "to 0", key(0)))
	e.check(e.send(id, "", key(1)))
	e.receive(box(id, key(1)), relay.HandedOver, "to 1", "to 1 and 2", "")
	e.receive(box(id, key(1)), relay.HandedOver)
	e.receive(box(id, key(2)), relay.HandedOver, "to 1 and 2")
	e.receive(relay.Mailbox{Session: id, Owner: key(0), Coordinator: true}, relay.HandedOver, "to the coordinator")
	e.receive(box(id, key(0)), relay.HandedOver, "to 0")
	outside := &relay.Envelope{Session: id, Sender: key(1), Body: []byte("from 1")}
	e.check(e.store.Send(e.Context(), outside, e.limits))
	messages, _, err := e.store.Receive(e.Context(), relay.Mailbox{Session: id, Owner: key(0), Coordinator: true}, relay.HandedOver, e.limits)
	e.check(err)
	if len(messages) != 1 || messages[0].Sender != key(1) {
		e.Errorf("received %v", messages)
	}
}

func testCursors(e *env) {
	id := e.open(2)
	mailbox := box(id, key(1))
	e.receive(mailbox, 7) // of a message that never was
	e.check(e.send(id, "a", key(1)))
	e.check(e.send(id, "b", key(1)))
	first := e.receive(mailbox, 7, "a", "b")
	e.check(e.send(id, "c", key(1)))
	e.receive(mailbox, first-1, "b", "c")           // the answer was lost in part
	second := e.receive(mailbox, first-1, "b", "c") // and wholly
	e.check(e.send(id, "d", key(1)))
	third := e.receive(mailbox, second, "d")
	if first < 1 || second != first+1 || third != second+1 {
		e.Errorf("cursors %d, %d, %d", first, second, third)
	}
	e.receive(mailbox, first, "d") // what was acknowledged does not come back
	e.check(e.send(id, "e", key(1)))
	e.receive(mailbox, third+100, "e") // nothing is acknowledged before it was handed over
	e.receive(mailbox, relay.HandedOver)
}

func testRepeatedMessages(e *env) {
	id := e.open(2)
	envelope := func(sender relay.Key, message uuid.UUID, body string) *relay.Envelope {
		return &relay.Envelope{Session: id, Sender: sender, Recipients: []relay.Key{key(1)}, Body: []byte(body), ID: message}
	}
	one, two := uuid.New(), uuid.New()
	for _, m := range []*relay.Envelope{
		envelope(key(0), one, "a"), envelope(key(0), one, "a"), envelope(key(0), two, "b"), envelope(key(1), one, "c"),
		envelope(key(0), uuid.Nil, "d"), envelope(key(0), uuid.Nil, "d"),
	} {
		e.check(e.store.Send(e.Context(), m, e.limits))
	}
	e.receive(box(id, key(1)), relay.HandedOver, "a", "b", "c", "d", "d")
	e.check(e.store.Send(e.Context(), envelope(key(0), two, "b"), e.limits))
	e.receive(box(id, key(1)), relay.HandedOver)
	for range 1000 {
		e.check(e.store.Send(e.Context(), envelope(key(0), uuid.New(), ""), e.limits))
	}
}

func testPages(e *env) {
	e.limits.PageBytes = 5
	id := e.open(2)
	for _, body := range []string{"aa", "bbb", "c", "longer than a page", "d"} {
		e.check(e.send(id, body, key(1)))
	}
	mailbox := box(id, key(1))
	e.receive(mailbox, relay.HandedOver, "aa", "bbb")
	e.receive(mailbox, relay.HandedOver, "c")
	e.receive(mailbox, relay.HandedOver, "longer than a page")
	e.receive(mailbox, relay.HandedOver, "d")
	e.receive(mailbox, relay.HandedOver)
}

// testRepeatedAfterClose repeats a call whose answer was lost, and whose message
// made another member close the session meanwhile.
func testRepeatedAfterClose(e *env) {
	e.limits.Grace = 10 * e.unit
	id := e.open(2)
	envelope := &relay.Envelope{Session: id, Sender: key(0), Recipients: []relay.Key{key(1)}, Body: []byte("m"), ID: uuid.New()}
	e.check(e.store.Send(e.Context(), envelope, e.limits))
	e.receive(box(id, key(1)), relay.HandedOver, "m")
	e.receive(box(id, key(1)), relay.HandedOver)
	e.check(e.store.CloseSession(e.Context(), id, false, e.limits))
	e.check(e.store.Send(e.Context(), envelope, e.limits))
	e.notFound(box(id, key(1)))
	e.check(e.store.Send(e.Context(), envelope, e.limits))
	envelope.ID = uuid.New()
	e.want(e.store.Send(e.Context(), envelope, e.limits), relay.ErrSessionNotFound)
	time.Sleep(11 * e.unit)
	_, _, err := e.store.Session(e.Context(), id)
	e.want(err, relay.ErrSessionNotFound)
}

// notFound expects that the mailbox is gone.
func (e *env) notFound(box relay.Mailbox) {
	e.Helper()
	_, _, err := e.store.Receive(e.Context(), box, relay.HandedOver, e.limits)
	e.want(err, relay.ErrSessionNotFound)
}

func testGrace(e *env) {
	e.limits.Grace = 10 * e.unit
	id := e.open(4)
	for n := byte(1); n < 3; n++ {
		e.check(e.send(id, "share", key(n)))
	}
	e.check(e.store.CloseSession(e.Context(), id, false, e.limits))
	e.want(e.send(id, "late", key(1)), relay.ErrSessionNotFound)
	_, closed, err := e.store.Session(e.Context(), id)
	e.check(err)
	if !closed {
		e.Error("the session is not closed")
	}
	e.notFound(box(id, key(3)))
	time.Sleep(6 * e.unit)
	e.receive(box(id, key(1)), 0, "share")
	e.receive(box(id, key(1)), 0, "share") // not acknowledged
	e.notFound(box(id, key(1)))
	time.Sleep(6 * e.unit)
	e.notFound(box(id, key(2)))
	_, _, err = e.store.Session(e.Context(), id)
	e.want(err, relay.ErrSessionNotFound)
}

// testCarry closes a session that goes on carrying messages, off its members'
// lists, until the time of grace is over or it is closed for good.
func testCarry(e *env) {
	e.limits.Grace = 10 * e.unit
	id, other := e.open(3), e.open(3)
	e.check(e.send(id, "early", key(1)))
	e.check(e.store.CloseSession(e.Context(), id, true, e.limits))
	e.check(e.store.CloseSession(e.Context(), other, true, e.limits))
	e.sessions(key(1))
	_, closed, err := e.store.Session(e.Context(), id)
	e.check(err)
	if closed {
		e.Error("the session carries nothing")
	}
	e.receive(box(id, key(2)), relay.HandedOver)
	time.Sleep(6 * e.unit)
	e.check(e.send(id, "late", key(1), key(2)))
	e.receive(box(id, key(1)), relay.HandedOver, "early", "late")
	e.receive(box(id, key(2)), relay.HandedOver, "late")
	e.check(e.store.CloseSession(e.Context(), other, false, e.limits))
	e.want(e.send(other, "too late", key(1)), relay.ErrSessionNotFound)
	time.Sleep(6 * e.unit)
	e.want(e.send(id, "too late", key(1)), relay.ErrSessionNotFound)
	e.notFound(box(id, key(1)))
}

// testKeepsEarly has the mark of a message's sender kept.
func testKeepsEarly(e *env) {
	id := e.open(2)
	for _, mark := range []bool{true, false} {
		e.check(e.store.Send(e.Context(), &relay.Envelope{
			Session: id, Sender: key(0), Recipients: []relay.Key{key(1)}, Body: []byte("m"), KeepsEarly: mark,
		}, e.limits))
	}
	messages, _, err := e.store.Receive(e.Context(), box(id, key(1)), 0, e.limits)
	e.check(err)
	if len(messages) != 2 || !messages[0].KeepsEarly || messages[1].KeepsEarly {
		e.Errorf("marks of %+v, want the first alone", messages)
	}
}

func testIdle(e *env) {
	e.limits.SessionIdle = 10 * e.unit
	id := e.open(2)
	mailbox := box(id, key(1))
	time.Sleep(6 * e.unit)
	e.check(e.send(id, "a", key(1))) // renews
	time.Sleep(6 * e.unit)
	e.receive(mailbox, relay.HandedOver, "a") // renews
	time.Sleep(6 * e.unit)
	e.receive(mailbox, relay.HandedOver) // does not
	e.sessions(key(1), id)
	time.Sleep(6 * e.unit)
	e.notFound(mailbox)
	e.sessions(key(1))
}

func testQueueLimits(e *env) {
	e.limits.QueueBytes, e.limits.SessionBytes = 3000, 5000
	id := e.open(3)
	body := string(make([]byte, 1000))
	for range 2 {
		e.check(e.send(id, body, key(1)))
	}
	e.want(e.send(id, body, key(2), key(1)), relay.ErrInvalidArgument)
	e.receive(box(id, key(2)), relay.HandedOver) // all or none
	for range 2 {
		e.check(e.send(id, body, key(2)))
	}
	e.want(e.send(id, body, key(0)), relay.ErrInvalidArgument)
	e.receive(box(id, key(1)), relay.HandedOver, body, body)
	e.receive(box(id, key(1)), relay.HandedOver)
	e.check(e.send(id, body, key(0), key(1))) // stored once for two
	e.receive(box(id, key(0)), relay.HandedOver, body)
	e.receive(box(id, key(1)), relay.HandedOver, body)
}

func testTotalLimit(e *env) {
	e.limits.TotalBytes, e.limits.DiskBytes, e.limits.Grace = 10000, 10000, 10*e.unit
	id := e.open(2)
	body := string(make([]byte, 1000))
	refused := false
	for range 10 {
		err := e.send(id, body, key(1))
		if refused = err != nil; refused {
			e.want(err, relay.ErrInvalidArgument)
			break
		}
	}
	if !refused {
		e.Error("the store took more than its limit")
	}
	e.check(e.store.CloseSession(e.Context(), id, false, e.limits))
	time.Sleep(e.limits.Grace + e.unit)
	again := e.open(2)
	e.check(e.send(again, body, key(1)))
}

// woken reports whether a watch has a value, and takes it.
func woken(wake <-chan struct{}) bool {
	select {
	case <-wake:
		return true
	case <-time.After(time.Second):
		return false
	}
}

func (e *env) wantWake(wake <-chan struct{}, want bool, what string) {
	e.Helper()
	if got := woken(wake); got != want {
		e.Errorf("%s: woken %t, want %t", what, got, want)
	}
}

func testWakeForMessages(e *env) {
	id := e.open(3)
	mine, stop := e.store.Watch(box(id, key(1)))
	defer stop()
	second, stop := e.store.Watch(box(id, key(1)))
	defer stop()
	coordinator, stop := e.store.Watch(relay.Mailbox{Session: id, Owner: key(0), Coordinator: true})
	defer stop()
	for range 3 {
		e.check(e.send(id, "m", key(1), key(2)))
	}
	e.wantWake(mine, true, "a message")
	for more := 0; woken(mine); more++ {
		if more == 2 {
			e.Fatal("woken more often than messages came")
		}
	}
	e.wantWake(second, true, "a message, watched twice")
	e.wantWake(coordinator, false, "a message for others")
	e.check(e.send(id, "m"))
	e.wantWake(coordinator, true, "a message for the coordinator")
	e.check(e.store.CloseSession(e.Context(), id, false, e.limits))
	e.wantWake(mine, true, "the close")
	e.wantWake(coordinator, true, "the close, for the coordinator")
}

func testWakeForSessions(e *env) {
	mine, stop := e.store.Watch(relay.Topic{Owner: key(1)})
	defer stop()
	other, stop := e.store.Watch(relay.Topic{Owner: key(8)})
	defer stop()
	id := e.open(2)
	e.wantWake(mine, true, "a new session")
	e.check(e.store.CloseSession(e.Context(), id, false, e.limits))
	e.wantWake(mine, true, "a session closed")
	e.wantWake(other, false, "sessions of others")
}

func testStoppedWatch(e *env) {
	id := e.open(2)
	first, stopFirst := e.store.Watch(box(id, key(1)))
	second, stopSecond := e.store.Watch(box(id, key(1)))
	stopFirst()
	e.check(e.send(id, "m", key(1)))
	e.wantWake(first, false, "a watch that ended")
	e.wantWake(second, true, "the other watch")
	stopSecond()
	e.check(e.send(id, "m", key(1)))
}

// testConcurrency has many senders and one receiver, which gets everything once
// and each sender's messages in order.
func testConcurrency(e *env) {
	const senders, each = 8, 50
	id := e.open(senders)
	var sending sync.WaitGroup
	for n := range senders {
		sending.Go(func() {
			for i := range each {
				envelope := &relay.Envelope{
					Session: id, Sender: key(byte(n)), Recipients: []relay.Key{key(1)}, Body: fmt.Append(nil, i),
				}
				if err := e.store.Send(e.Context(), envelope, e.limits); err != nil {
					e.Errorf("sending: %v", err)
				}
			}
		})
	}
	wake, stop := e.store.Watch(box(id, key(1)))
	defer stop()
	next := map[relay.Key]int{}
	cursor := relay.Cursor(0)
	for total := 0; total < senders*each; {
		messages, last, err := e.store.Receive(e.Context(), box(id, key(1)), cursor, e.limits)
		e.check(err)
		for _, m := range messages {
			if got := string(m.Body); got != fmt.Sprint(next[m.Sender]) {
				e.Fatalf("got message %s of %x, want %d", got, m.Sender[:2], next[m.Sender])
			}
			next[m.Sender]++
		}
		if total += len(messages); len(messages) == 0 {
			<-wake
			continue
		}
		cursor = last
	}
	sending.Wait()
}
