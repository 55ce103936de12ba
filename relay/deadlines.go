package relay

import (
	"container/heap"
	"time"
)

// deadlines is a queue of what is to be removed, and when.
type deadlines []*deadline

type deadline struct {
	at     time.Time
	remove func(now time.Time)
	index  int // in the heap; -1 once it is out of it
}

// push queues a removal.
func (d *deadlines) push(at time.Time, remove func(time.Time)) *deadline {
	entry := &deadline{at: at, remove: remove}
	heap.Push(d, entry)
	return entry
}

// pop returns the first removal that is due, or nil.
func (d *deadlines) pop(now time.Time) func(time.Time) {
	if len(*d) == 0 || (*d)[0].at.After(now) {
		return nil
	}
	return heap.Pop(d).(*deadline).remove
}

// cancel takes a removal out of the queue, if it is in it.
func (d *deadlines) cancel(entry *deadline) {
	if entry != nil && entry.index >= 0 {
		heap.Remove(d, entry.index)
	}
}

// Len, Less, Swap, Push and Pop are heap.Interface.

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].at.Before(d[j].at) }

func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i, j
}

func (d *deadlines) Push(x any) {
	entry := x.(*deadline)
	entry.index = len(*d)
	*d = append(*d, entry)
}

func (d *deadlines) Pop() any {
	old := *d
	last := old[len(old)-1]
	last.index = -1
	old[len(old)-1] = nil
	*d = old[:len(old)-1]
	return last
}
