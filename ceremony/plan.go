package ceremony

import (
	"encoding/hex"
	"fmt"
	"slices"
)

// Kind says what a step of a plan does.
type Kind string

// The kinds of steps, in the order in which they are taken.
const (
	Keygen   Kind = "keygen"   // make communication keys
	Contacts Kind = "contacts" // let members know one another's keys
	Relay    Kind = "relay"    // start the relay, or name the one to use
	DKG      Kind = "dkg"      // make the group's key together
	Sign     Kind = "sign"     // sign one message
	Verify   Kind = "verify"   // verify one signature
)

// State is what was found done already, as plain data: the caller looks, the
// plan follows. The zero State is that of an empty folder.
type State struct {
	// Keys holds the names of the members whose credentials have a
	// communication key.
	Keys map[string]bool
	// Contacts holds, for each member run here, the names of the members whose
	// keys are in its credentials.
	Contacts map[string]map[string]bool
	// Groups holds, for the name of each group and each member run here that
	// has it, the group's verifying key (hex).
	Groups map[string]map[string]string
	// There holds, for the name of each group, the groups in credentials and certificates here that this
	// ceremony made for it or that have its description, those of Groups included.
	There map[string][]Found
	// Wanted holds, for the name of each group, what the file wants in the terms of There.
	Wanted map[string]Found
	// Signatures holds, for each element of File.Sign, what is at its output.
	// Missing elements count as NoSignature.
	Signatures []SignatureState
	// Changed holds, for the number of each signing whose message was changed after it was signed, both
	// digests. Signings count from 1.
	Changed map[int]Change
}

// Change is how a message was changed since it was signed: its SHA-256 digest then and now (hex).
type Change struct{ Signed, Now string }

// SignatureState says what is at the output path of a signing.
type SignatureState int

// What can be at the output path of a signing.
const (
	NoSignature    SignatureState = iota // nothing
	ValidSignature                       // a signature of the message under the group's key
	OtherFile                            // anything else, which is never overwritten
)

// PlanOptions say for whom and from where a plan is made.
type PlanOptions struct {
	As         string   // only this member's part; "" for all members run here
	NewGroups  []string // names of groups, as StepName has them, whose key is made though one is there
	All        bool     // all members run here get keys here, although the file names a relay
	Dir        string   // folder of credentials and outputs, as paths are to show it; "" for the current one
	MessageDir string   // the same for messages and the CA file
}

// Plan is what a run of a ceremony does, in order. Its JSON form has the field
// names below and is an interface: names are added, never changed.
type Plan struct {
	File        string   `json:"file"`
	Ceremony    string   `json:"ceremony"`
	Digest      string   `json:"digest"` // hex, see File.Digest
	Ciphersuite string   `json:"ciphersuite"`
	Protocol    Protocol `json:"protocol"`
	Threshold   int      `json:"threshold"` // of the file
	Members     []string `json:"members"`
	Here        []string `json:"here"`            // the members whose part the plan is
	Group       string   `json:"group,omitempty"` // verifying key (hex) of the first group, once it is made
	Groups      []Made   `json:"groups"`
	Steps       []Step   `json:"steps"`
	Warnings    []string `json:"warnings"`
}

// Made is a group of a plan.
type Made struct {
	Name        string   `json:"name,omitempty"` // "" in the short form
	Description string   `json:"description"`
	Threshold   int      `json:"threshold"`
	Members     []string `json:"members"`
	Key         string   `json:"key,omitempty"` // verifying key (hex) once it is made
	Action      Action   `json:"action"`
	// Differences are those of the group that is there: with Nothing, in its description alone.
	Differences []Difference `json:"differences"`
	// Others are other groups that are there under this description or for this step.
	Others []Found `json:"others"`
}

// Key returns the verifying key (hex) of the group with this name, or "" as long
// as it is not made.
func (p *Plan) Key(group string) string {
	for _, g := range p.Groups {
		if g.Name == group {
			return g.Key
		}
	}
	return ""
}

// Step is one step of a plan.
type Step struct {
	Kind     Kind      `json:"kind"`
	Group    string    `json:"group,omitempty"`   // name of the group that is made or signs; "" in the short form and for other kinds
	Signing  int       `json:"signing,omitempty"` // number of the signing, from 1; 0 for other kinds
	Title    string    `json:"title"`
	Members  []string  `json:"members"`            // those run here who take part
	Together bool      `json:"together,omitempty"` // the commands run at the same time, each in a terminal of its own
	Commands []Command `json:"commands"`           // the equivalent single commands
	Writes   []string  `json:"writes"`             // files that it makes or changes
	Done     bool      `json:"done"`
	Why      string    `json:"why"`               // why it is done, or what is left
	Blocked  string    `json:"blocked,omitempty"` // why it cannot be carried out, and what to do
}

// Command is a single command that does one member's part of a step.
type Command struct {
	Member string `json:"member,omitempty"` // "" when it is nobody's in particular
	Shell  string `json:"command"`          // to be pasted into a POSIX shell
	Done   bool   `json:"done"`
}

// Done reports whether nothing is left to do.
func (p *Plan) Done() bool {
	return !slices.ContainsFunc(p.Steps, func(s Step) bool { return !s.Done })
}

// Plan returns what is to be done for this ceremony, and what of it is done
// according to state. It fails when options name a member who is not in the
// file, or nobody is run here.
func (f *File) Plan(state State, options PlanOptions) (*Plan, error) {
	here, err := f.here(options.As)
	if err != nil {
		return nil, err
	}
	digest := f.Digest()
	p := &planner{File: f, state: state, options: options, here: here}
	p.plan = &Plan{
		File: f.Path, Ceremony: f.Name, Digest: hex.EncodeToString(digest[:]),
		Ciphersuite: f.Ciphersuite, Protocol: f.Protocol, Threshold: f.Threshold,
		Members: f.Names(), Here: namesOf(here), Groups: p.groups(), Warnings: []string{},
	}
	p.plan.Group = p.plan.Groups[0].Key
	p.keygen()
	p.contacts()
	before := len(p.plan.Steps)
	for _, i := range f.order {
		if i < len(f.Groups) {
			p.dkg(f.Groups[i])
		} else {
			p.signing(i-len(f.Groups), f.Sign[i-len(f.Groups)])
		}
	}
	p.relay(before)
	p.warnOfPaths()
	return p.plan, nil
}

// here returns the members whose part is planned.
func (f *File) here(as string) ([]Member, error) {
	if as == "" {
		if here := f.LocalMembers(); len(here) > 0 {
			return here, nil
		}
		return nil, fmt.Errorf("planning %q: every member has a contact and is run elsewhere; say whose part is run here with --as", f.Name)
	}
	m, ok := f.Member(as)
	if !ok {
		return nil, fmt.Errorf("planning %q: no member is named %s; %s", f.Name, quote(as), suggest(as, f.Names()))
	}
	return []Member{m}, nil
}
