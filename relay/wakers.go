package relay

import "sync"

// wakers tells those who watch a topic that it changed.
type wakers struct {
	mu       sync.Mutex
	watchers map[Topic][]chan struct{}
}

// watch is [Store.Watch].
func (w *wakers) watch(topic Topic) (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watchers == nil {
		w.watchers = map[Topic][]chan struct{}{}
	}
	w.watchers[topic] = append(w.watchers[topic], c)
	return c, func() { w.unwatch(topic, c) }
}

func (w *wakers) unwatch(topic Topic, c chan struct{}) {
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

// wake tells the watchers of the topics, without waiting for them.
func (w *wakers) wake(topics ...Topic) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, topic := range topics {
		for _, c := range w.watchers[topic] {
			select {
			case c <- struct{}{}:
			default: // it has a value already
			}
		}
	}
}
