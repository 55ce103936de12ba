package protocol

// The phases of a protocol, in the words that events and errors use.
const (
	PhaseRound1      = "round 1"
	PhaseEcho        = "echo of round 1"
	PhaseRound2      = "round 2"
	PhaseSave        = "saving"
	PhaseCommitments = "commitments"
	PhasePackage     = "signing package"
	PhaseApproval    = "approval"
	PhaseShares      = "signature shares"
	PhaseGreeting    = "greeting"
	PhasePending     = "storing the share"
	PhaseCertificate = "signatures of the transcript"
	PhaseConfirm     = "confirmations"
)

// Kind says what an [Event] is about.
type Kind string

// The kinds of events.
const (
	// Waiting: a phase has begun; Awaited lists the members that it needs.
	Waiting Kind = "waiting"
	// Sent: a message for Phase went to Member.
	Sent Kind = "sent"
	// Received: a message for Phase came from Member, in time or early.
	Received Kind = "received"
	// Repeated: Member sent a message once more; it is ignored.
	Repeated Kind = "repeated"
	// Dropped: a message from Member was dropped for Reason; Count of them so far.
	Dropped Kind = "dropped"
	// Complete: everything that Phase needs is there.
	Complete Kind = "complete"
	// Restarted: a new attempt, Attempt, begins because of Member, for Reason.
	Restarted Kind = "restarted"
	// Asked: Member waits for those in Awaited, and asks for their messages again.
	Asked Kind = "asked"
	// Stopped: Member was stopped, and may be run again.
	Stopped Kind = "stopped"
	// Excluded: Member will not sign, for Reason.
	Excluded Kind = "excluded"
)

// Event is one step of a run, for a line per member on a screen or in a log. It
// holds no secret and no payload.
type Event struct {
	Kind Kind
	// Phase is the phase that a message belongs to, or, for Waiting, Dropped and
	// Complete, the one that the run is in.
	Phase string
	// Member is who the event is about; the zero value for Waiting and Complete.
	// Of somebody who is not a member only the key is known.
	Member Member
	// Awaited lists who has something outstanding in the phase that the run is
	// in (Waiting, Received).
	Awaited []Member
	// Reason says why a message was dropped, a new attempt begun or a member
	// excluded. It may quote what a peer wrote.
	Reason string
	// Count is how many messages of Member have been dropped so far (Dropped).
	Count int
	// Attempt is the attempt that the run is in, from 1, where there are attempts.
	Attempt int
	// Tool is the program and version that Member says it runs, where it says so
	// (Received).
	Tool string
}
