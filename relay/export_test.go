package relay

import "math"

// KeepNoBodies has a store leave all bodies of messages to its journal.
func (s *DurableStore) KeepNoBodies() { s.bodiesPart = math.MaxInt }
