package protocol

import (
	"bytes"
	"time"
)

// Deliver is the fault that does nothing.
func Deliver(e Envelope) []Delivery { return []Delivery{{Payload: e.Payload}} }

// Drop lets nothing arrive.
func Drop(Envelope) []Delivery { return nil }

// Delay lets messages arrive after a time. Messages that are due at the same
// time arrive in any order.
func Delay(d time.Duration) Fault {
	return func(e Envelope) []Delivery { return []Delivery{{Payload: e.Payload, Delay: d}} }
}

// Repeat lets every message arrive twice.
func Repeat(e Envelope) []Delivery { return []Delivery{{Payload: e.Payload}, {Payload: e.Payload}} }

// Corrupt flips the lowest bit of one byte of every message, counted from its
// start and, beyond its length, from its start again.
func Corrupt(at int) Fault {
	return func(e Envelope) []Delivery {
		changed := bytes.Clone(e.Payload)
		if len(changed) > 0 {
			changed[at%len(changed)] ^= 1
		}
		return []Delivery{{Payload: changed}}
	}
}
