package relay

// What the parts of a store take, roughly, in bytes: with it Limits.TotalBytes,
// DiskBytes, SessionBytes and QueueBytes count the same in every store.
const (
	TokenCost     = 384
	SessionCost   = 512
	MemberCost    = 256 // of one member of a session, with its mailboxes
	RepeatCost    = 32  // of one message id that is remembered
	MessageCost   = 48  // of one message beside its body
	RecipientCost = 16  // of one message in one mailbox

	// RepeatsKept is how many message ids of one sender a session remembers, to
	// know a repeated call.
	RepeatsKept = 64
)
