package steps

import (
	"context"
	"slices"
	"sync"

	"frostkit/relay"
)

const (
	// fewStrangers is how many sessions of strangers stay on a member's list: a stranger may be a friend whose
	// contact is still to be imported.
	fewStrangers = 16
	// leftAtOnce is how many sessions a member leaves before it looks at its list again.
	leftAtOnce = 32
	// mostSeen is how many members' keys of sessions are kept, 32 bytes each.
	mostSeen = 1 << 18
)

// seen is what the relay has said of sessions, which does not change. A nil one keeps nothing.
type seen struct {
	mu    sync.Mutex
	infos map[relay.SessionID]relay.SessionInfo
	keys  int
}

func (s *seen) of(id relay.SessionID) (relay.SessionInfo, bool) {
	if s == nil {
		return relay.SessionInfo{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	info, known := s.infos[id]
	return info, known
}

func (s *seen) keep(id relay.SessionID, info relay.SessionInfo) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.infos[id]; known || s.keys+len(info.Members)+1 > mostSeen {
		return
	}
	s.infos[id] = info
	s.keys += len(info.Members) + 1
}

// info asks the relay for a session, unless it has described it before and it does not fit: one that fits may be
// closed by then.
func (s *Session) info(ctx context.Context, id relay.SessionID, fits func(relay.SessionInfo) bool) (relay.SessionInfo, error) {
	if info, known := s.seen.of(id); known && !fits(info) {
		return info, nil
	}
	info, err := s.Client.SessionInfo(ctx, id)
	if err == nil {
		s.seen.keep(id, info)
	}
	return info, err
}

// strange reports whether this member knows nobody in a session that names it.
func (s *Session) strange(info relay.SessionInfo) bool {
	if s.Stranger == nil || info.Coordinator == s.Self.Key || !s.Stranger(info.Coordinator) {
		return false
	}
	for _, key := range info.Members {
		if key != s.Self.Key && !s.Stranger(key) {
			return false
		}
	}
	return true
}

// leaveStrangers leaves sessions of strangers where there are more than few, so that they neither fill this member's
// list nor count. It returns what stays on the list, and whether there are more to leave.
func (s *Session) leaveStrangers(ctx context.Context, listed []relay.SessionID, passed map[relay.SessionID]bool) (stay []relay.SessionID, more bool) {
	var strange []relay.SessionID
	for _, id := range listed {
		if info, known := s.seen.of(id); known && !passed[id] && s.strange(info) {
			strange = append(strange, id)
		}
	}
	left := map[relay.SessionID]bool{}
	excess := strange[min(fewStrangers, len(strange)):]
	for _, id := range excess[:min(leftAtOnce, len(excess))] {
		if err := s.Client.LeaveSession(ctx, id); err != nil && !closed(err) {
			excess = nil // the relay cannot, or fails: the wait says so
			break
		}
		left[id] = true
	}
	return slices.DeleteFunc(slices.Clone(listed), func(id relay.SessionID) bool { return left[id] }), len(excess) > leftAtOnce
}
