package relay

import (
	"context"
	"slices"
)

// Sessions lists the open sessions that name the member or that it created, in
// no order.
func (c *Client) Sessions(ctx context.Context) ([]SessionID, error) {
	ids, _, err := c.listSessions(ctx, call{name: "list_sessions", body: nullBody, repeatable: true})
	return ids, err
}

// WaitSessions blocks until the set of open sessions differs from known, and
// returns it.
func (c *Client) WaitSessions(ctx context.Context, known []SessionID) ([]SessionID, error) {
	known = sorted(known)
	for poll := newPolling(); ; {
		list := call{name: "list_sessions", body: nullBody, repeatable: true, wait: true}
		c.mu.Lock()
		if slices.Equal(c.sessions, known) {
			list.ifNoneMatch = c.sessionTag
		} else {
			list.wait = false // the tag of known is not known
		}
		c.mu.Unlock()
		ids, held, err := c.listSessions(ctx, list)
		if err != nil || !slices.Equal(sorted(ids), known) {
			return ids, err
		}
		if !list.wait {
			continue // with the tag
		}
		if err := poll.pause(ctx, held); err != nil {
			return nil, err
		}
	}
}

// listSessions makes the call and keeps its entity tag; held says that the relay
// waited with the answer.
func (c *Client) listSessions(ctx context.Context, list call) (ids []SessionID, held bool, err error) {
	reply, err := c.call(ctx, list)
	if err != nil {
		return nil, false, err
	}
	var listed struct {
		IDs []SessionID `json:"session_ids"`
	}
	if err := reply.decode(&listed); err != nil {
		return nil, false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions, c.sessionTag = sorted(listed.IDs), reply.header.Get("ETag")
	return listed.IDs, reply.held, nil
}

func sorted(ids []SessionID) []SessionID {
	return slices.SortedFunc(slices.Values(ids), func(a, b SessionID) int { return slices.Compare(a[:], b[:]) })
}
