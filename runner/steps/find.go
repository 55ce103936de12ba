package steps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"frostkit/commkey"
	"frostkit/keyring"
	"frostkit/relay"
)

// found is a session with what the relay says of it.
type found struct {
	id   relay.SessionID
	info relay.SessionInfo
}

// find returns the one session that fits, and waits for it to be opened. Those
// in passed are left alone: this member has been in them.
func (s *Session) find(ctx context.Context, purpose string, fits func(relay.SessionInfo) bool, passed map[relay.SessionID]bool) (found, error) {
	if s.ID != (relay.SessionID{}) {
		return s.named(ctx)
	}
	none := &NoSessionError{Waited: s.Wait, Purpose: purpose}
	ctx, cancel := context.WithTimeoutCause(ctx, max(s.Wait, time.Millisecond), none)
	defer cancel()
	fitting := func(info relay.SessionInfo) bool {
		fit := fits(info)
		if !fit && purpose == forDKG {
			s.passOver(info, none)
		}
		return fit
	}
	var known []relay.SessionID
	for {
		candidates, listed, err := s.candidates(ctx, fitting, passed)
		if err != nil {
			return found{}, s.waitError(ctx, err, known != nil)
		}
		switch len(candidates) {
		case 1:
			return candidates[0], nil
		case 0:
		default:
			return found{}, ambiguous(purpose, candidates)
		}
		if known == nil {
			s.notify(WaitingSession, relay.SessionID{})
		}
		var more bool
		if known, more = s.leaveStrangers(ctx, listed, passed); more {
			continue
		}
		if _, err := s.Client.WaitSessions(ctx, known); err != nil {
			return found{}, s.waitError(ctx, err, true)
		}
	}
}

// named asks for the session that this member was told.
func (s *Session) named(ctx context.Context) (found, error) {
	ctx, cancel := s.reach(ctx, time.Minute)
	defer cancel()
	info, err := s.Client.SessionInfo(ctx, s.ID)
	return found{id: s.ID, info: info}, err
}

// forDKG is the purpose of sessions in which members meet by their contacts alone.
const forDKG = "DKG"

// passOver notes of a session that does not fit which of its members is a stranger.
func (s *Session) passOver(info relay.SessionInfo, none *NoSessionError) {
	for _, key := range info.Members {
		if _, known := s.Lookup(key); !known {
			none.Stranger, none.Opener = key, info.Coordinator.String()
			if name, known := s.Lookup(info.Coordinator); known {
				none.Opener = keyring.EscapeName(name)
			}
		}
	}
}

// waitError tells the end of the wait from other errors. Where the relay has listed no sessions until then it
// is the relay that did not answer.
func (s *Session) waitError(ctx context.Context, err error, listed bool) error {
	var none *NoSessionError
	switch {
	case !errors.As(context.Cause(ctx), &none):
		return err
	case listed || s.Wait <= 0:
		return none
	}
	return &relay.UnreachableError{URL: s.Client.URL(), Err: fmt.Errorf("it listed no sessions within %s", s.Wait)}
}

func ambiguous(purpose string, candidates []found) error {
	err := &AmbiguousSessionError{Purpose: purpose}
	for _, c := range candidates {
		err.Sessions = append(err.Sessions, c.id)
	}
	return err
}

// candidates asks the relay for every session of this member and keeps those
// that fit. A session that is closed in between is none.
func (s *Session) candidates(ctx context.Context, fits func(relay.SessionInfo) bool, passed map[relay.SessionID]bool) (fitting []found, listed []relay.SessionID, err error) {
	listed, err = s.Client.Sessions(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range listed {
		if passed[id] {
			continue
		}
		info, err := s.info(ctx, id, fits)
		if closed(err) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if fits(info) {
			fitting = append(fitting, found{id, info})
		}
	}
	return fitting, listed, nil
}

// knownMembers fits the sessions whose members are all known, self among them.
func (s *Session) knownMembers(info relay.SessionInfo) bool {
	for _, key := range info.Members {
		if _, ok := s.Lookup(key); !ok {
			return false
		}
	}
	return slices.Contains(info.Members, s.Self.Key)
}

// exactly fits the sessions of just these members.
func exactly(keys []commkey.PublicKey) func(relay.SessionInfo) bool {
	want := sortedKeys(keys)
	return func(info relay.SessionInfo) bool { return slices.Equal(sortedKeys(info.Members), want) }
}

func sortedKeys(keys []commkey.PublicKey) []commkey.PublicKey {
	sorted := slices.Clone(keys)
	slices.SortFunc(sorted, commkey.PublicKey.Compare)
	return slices.Compact(sorted)
}

// preferred is the session in which members meet when several of them opened
// one at the same moment: that of the smallest coordinator's key, then of the
// smallest id. All members of the sessions see the same ones, and so agree.
func preferred(sessions []found) found {
	return slices.MinFunc(sessions, func(a, b found) int {
		if c := a.info.Coordinator.Compare(b.info.Coordinator); c != 0 {
			return c
		}
		return bytes.Compare(a.id[:], b.id[:])
	})
}
