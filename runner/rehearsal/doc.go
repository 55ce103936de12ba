// Package rehearsal carries a ceremony out among members who all exist in this
// process alone, over messages in memory, and lets go wrong what it is told to:
// on the way of a member's messages, at a member, or because a member lies.
//
// Members have keys that are made for the rehearsal and never leave the memory,
// and they agree on another digest than that of the ceremony file, so that no
// real run accepts anything that a rehearsal made.
package rehearsal
