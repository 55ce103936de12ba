package relay

import "sync"

// Wakers tells those in this process who watch a topic that it changed. Its zero
// value has no watchers.
type Wakers struct {
	mu       sync.Mutex
	watchers map[Topic][]chan struct{}
}

// Watch is [Store.Watch].
func (w *Wakers) Watch(topic Topic) (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watchers == nil {
		w.watchers = map[Topic][]chan struct{}{}
	}
	w.watchers[topic] = append(w.watchers[topic], c)
	return c, func() { w.unwatch(topic, c) }
}

func (w *Wakers) unwatch(topic Topic, c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.watchers[topic]
	for i, other := range list {
		if other == c {
			list[i] = list[len(list)-1]
			list[len(list)-1] = nil
			list = list[:len(list)-1]
			break
		}
	}
	if len(list) == 0 {
		delete(w.watchers, topic)
		return
	}
	w.watchers[topic] = list
}

// Wake tells the watchers of the topics, without waiting for them.
func (w *Wakers) Wake(topics ...Topic) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, topic := range topics {
		for _, c := range w.watchers[topic] {
			signal(c)
		}
	}
}

// WakeAll tells all watchers.
func (w *Wakers) WakeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, watchers := range w.watchers {
		for _, c := range watchers {
			signal(c)
		}
	}
}

// signal puts a value into the channel, unless it has one already.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
