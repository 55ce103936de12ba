package ceremony

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FaultKind is a way in which something goes wrong in a rehearsal.
type FaultKind string

// What befalls a member's messages, or the member.
const (
	FaultDrop    FaultKind = "drop"    // they do not arrive
	FaultDelay   FaultKind = "delay"   // they arrive later
	FaultRepeat  FaultKind = "repeat"  // they arrive twice
	FaultReorder FaultKind = "reorder" // every second one is held back for a second, so that the next overtakes it
	FaultCorrupt FaultKind = "corrupt" // a bit of each is flipped on the way
	FaultKill    FaultKind = "kill"    // the member stops when it is about to send
	FaultDecline FaultKind = "decline" // the member refuses to sign
)

// How a member lies. Its messages are authentic, and not what the protocol says.
const (
	FaultWrongShare        FaultKind = "wrong-share"         // a share that is not of its polynomial
	FaultWrongProof        FaultKind = "wrong-proof"         // a proof of knowledge that does not verify
	FaultLongerPolynomial  FaultKind = "longer-polynomial"   // one commitment more than the threshold
	FaultShorterPolynomial FaultKind = "shorter-polynomial"  // one commitment less than the threshold
	FaultInvalidElement    FaultKind = "invalid-element"     // a commitment that is the identity
	FaultDifferentPackages FaultKind = "different-packages"  // another round 1 package to every second member
	FaultWrongEcho         FaultKind = "wrong-echo"          // it passes on other round 1 packages than it received
	FaultFalseBlame        FaultKind = "false-blame"         // it accuses the first of the others of a wrong proof
	FaultWrongSignature    FaultKind = "wrong-signature"     // a signature of the transcript that does not verify
	FaultBadShare          FaultKind = "bad-signature-share" // a signature share that does not verify
)

// FaultKinds lists all kinds.
var FaultKinds = []FaultKind{
	FaultDrop, FaultDelay, FaultRepeat, FaultReorder, FaultCorrupt, FaultKill, FaultDecline,
	FaultWrongShare, FaultWrongProof, FaultLongerPolynomial, FaultShorterPolynomial, FaultInvalidElement,
	FaultDifferentPackages, FaultWrongEcho, FaultFalseBlame, FaultWrongSignature, FaultBadShare,
}

// FaultPhases are the phases that a fault can be limited to, by the message that
// the member sends in it.
var FaultPhases = []string{"greeting", "round-1", "echo", "round-2", "signatures", "confirmations", "commitments", "package", "shares"}

// Fault is one thing that goes wrong in a rehearsal. Runs take no notice of it.
type Fault struct {
	Kind   FaultKind
	Member string        // who lies or stops, or whose messages it befalls
	Phase  string        // one of FaultPhases, or "" for all
	Count  int           // how many messages it befalls, from the first; 0: all. Of drop, repeat, reorder and corrupt
	After  time.Duration // of delay, how late; of kill, after what time the member is started again, 0: not
	Victim string        // of wrong-share: to whom; "" for all
	Reason string        // of decline
	Text   string        // as it was written
	Pos    Position      // in the file
}

// Lie reports whether the fault is a member's that lies, rather than one of the
// network or the machine.
func (f Fault) Lie() bool {
	return slices.Index(FaultKinds, f.Kind) > slices.Index(FaultKinds, FaultDecline)
}

// ParseFault reads a fault of this ceremony: KIND:MEMBER[@PHASE][=ARGUMENT],
// such as "delay:Bob@round-1=30s".
func (f *File) ParseFault(text string) (Fault, error) {
	fault, err := parseFault(text, f.Names())
	if err != nil {
		return Fault{}, fmt.Errorf("%w; %s", err, faultHint)
	}
	return fault, nil
}

const faultHint = "write KIND:MEMBER[@PHASE][=ARGUMENT], such as delay:Bob@round-1=30s"

func parseFault(text string, names []string) (Fault, error) {
	kind, rest, _ := strings.Cut(text, ":")
	fault := Fault{Kind: FaultKind(kind), Text: text}
	if !slices.Contains(FaultKinds, fault.Kind) {
		return Fault{}, fmt.Errorf("fault %s: no kind %s; there are %s", quote(text), quote(kind), joined(FaultKinds))
	}
	rest = fault.takeMember(rest, names)
	if fault.Member == "" {
		return Fault{}, fmt.Errorf("fault %s: it names no member of the ceremony", quote(text))
	}
	phase, argument, given := strings.Cut(rest, "=")
	if phase != "" {
		fault.Phase = strings.TrimPrefix(phase, "@")
		if fault.Lie() || fault.Kind == FaultDecline {
			return Fault{}, fmt.Errorf("fault %s: %s has its own phase; leave out %s", quote(text), fault.Kind, quote(phase))
		}
		if !slices.Contains(FaultPhases, fault.Phase) {
			return Fault{}, fmt.Errorf("fault %s: no phase %s; there are %s", quote(text), quote(fault.Phase), joined(FaultPhases))
		}
	}
	if err := fault.takeArgument(argument, given, names); err != nil {
		return Fault{}, fmt.Errorf("fault %s: %w", quote(text), err)
	}
	return fault, nil
}

// takeMember finds the longest name that text begins with, and returns the rest.
func (f *Fault) takeMember(text string, names []string) string {
	for _, name := range names {
		rest, ok := strings.CutPrefix(text, name)
		if ok && len(name) > len(f.Member) && (rest == "" || rest[0] == '@' || rest[0] == '=') {
			f.Member = name
		}
	}
	return text[len(f.Member):]
}

// takeArgument reads what follows the equals sign, by the kind.
func (f *Fault) takeArgument(text string, given bool, names []string) error {
	var err error
	switch f.Kind {
	case FaultDelay, FaultKill:
		if !given && f.Kind == FaultKill {
			return nil
		}
		if f.After, err = time.ParseDuration(text); err != nil || f.After <= 0 || f.After > time.Hour {
			return fmt.Errorf("%s is not a time above 0 and up to 1h, such as 30s", quote(text))
		}
	case FaultDrop, FaultRepeat, FaultReorder, FaultCorrupt:
		if f.Count, err = strconv.Atoi(text); given && (err != nil || f.Count < 1) {
			return fmt.Errorf("%s is not a number of messages above 0", quote(text))
		}
	case FaultWrongShare:
		if f.Victim = text; given && (!slices.Contains(names, text) || text == f.Member) {
			return fmt.Errorf("%s is not another member", quote(text))
		}
	case FaultDecline:
		f.Reason = text
	default:
		if given {
			return fmt.Errorf("%s takes no argument", f.Kind)
		}
	}
	return nil
}

func joined[T ~string](words []T) string {
	texts := make([]string, len(words))
	for i, word := range words {
		texts[i] = string(word)
	}
	return strings.Join(texts, ", ")
}

// faults reads what is to go wrong in rehearsals.
func (r *reader) faults(fields map[string]entry) {
	e, ok := fields["faults"]
	if !ok {
		return
	}
	nodes, _ := r.list(e.value, "faults")
	for i, node := range nodes {
		text, ok := r.ownValue(node, fmt.Sprintf("fault %d", i+1))
		if !ok {
			continue
		}
		fault, err := parseFault(text, r.file.Names())
		if err != nil {
			r.report(position(node), faultHint, "%v", err)
			continue
		}
		fault.Pos = position(node)
		r.file.Faults = append(r.file.Faults, fault)
	}
}
