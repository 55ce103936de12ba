package relay

import (
	"cmp"
	"time"
)

// Limits bound what anybody can make a relay hold or wait for. A field that is
// zero stands for its default; sizes are in bytes.
type Limits struct {
	Body    int // a request's body; 192 KiB
	Message int // one message; 65,535
	Members int // members of a session; 255

	QueueBytes   int // messages queued in one mailbox; 16 MiB
	SessionBytes int // messages queued in a session, one for many recipients counted once; 64 MiB
	TotalBytes   int // all that a store holds, its overhead estimated; 256 MiB
	PageBytes    int // messages in one answer, which holds at least one; 256 KiB

	SessionsPerCreator int // open sessions that one key created; 32
	SessionsPerMember  int // open sessions that name one key; 64
	TokensPerKey       int // tokens of one key, the oldest giving way; 20

	ChallengeLife time.Duration // 10 s
	TokenLife     time.Duration // 1 h
	SessionIdle   time.Duration // life of a session after its last message went in or out; 24 h
	Grace         time.Duration // how long a closed session delivers what was queued; 1 min
	MaxWait       time.Duration // the longest long poll; 60 s

	HeaderTimeout   time.Duration // for a request's header, and the TLS handshake; 5 s
	BodyTimeout     time.Duration // for its body, after the header; 15 s
	WriteTimeout    time.Duration // for taking the answer; 60 s
	IdleTimeout     time.Duration // between two requests; 60 s
	ConnsPerAddress int           // open connections of one address, loopback excepted; 32
}

// withDefaults fills in the fields that are zero.
func (l Limits) withDefaults() Limits {
	return Limits{
		Body:    cmp.Or(l.Body, 192<<10),
		Message: cmp.Or(l.Message, 65535),
		Members: cmp.Or(l.Members, 255),

		QueueBytes:   cmp.Or(l.QueueBytes, 16<<20),
		SessionBytes: cmp.Or(l.SessionBytes, 64<<20),
		TotalBytes:   cmp.Or(l.TotalBytes, 256<<20),
		PageBytes:    cmp.Or(l.PageBytes, 256<<10),

		SessionsPerCreator: cmp.Or(l.SessionsPerCreator, 32),
		SessionsPerMember:  cmp.Or(l.SessionsPerMember, 64),
		TokensPerKey:       cmp.Or(l.TokensPerKey, 20),

		ChallengeLife: cmp.Or(l.ChallengeLife, 10*time.Second),
		TokenLife:     cmp.Or(l.TokenLife, time.Hour),
		SessionIdle:   cmp.Or(l.SessionIdle, 24*time.Hour),
		Grace:         cmp.Or(l.Grace, time.Minute),
		MaxWait:       cmp.Or(l.MaxWait, time.Minute),

		HeaderTimeout:   cmp.Or(l.HeaderTimeout, 5*time.Second),
		BodyTimeout:     cmp.Or(l.BodyTimeout, 15*time.Second),
		WriteTimeout:    cmp.Or(l.WriteTimeout, time.Minute),
		IdleTimeout:     cmp.Or(l.IdleTimeout, time.Minute),
		ConnsPerAddress: cmp.Or(l.ConnsPerAddress, 32),
	}
}

// DefaultLimits returns the limits of a [Config] that sets none.
func DefaultLimits() Limits { return Limits{}.withDefaults() }
