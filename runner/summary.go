package runner

import (
	"fmt"
	"strings"

	"frostkit/ceremony"
	"frostkit/commkey"
	"frostkit/internal/shown"
)

// runSummary is what a run leaves behind, as `run --json` prints it.
type runSummary struct {
	Ceremony    string             `json:"ceremony"`
	Digest      string             `json:"digest"`
	Changed     bool               `json:"changed"`
	Group       string             `json:"group,omitempty"` // key of the first group
	Threshold   int                `json:"threshold"`       // of the file
	Groups      []ceremony.Made    `json:"groups"`
	Members     []memberSummary    `json:"members"`
	Signatures  []signatureSummary `json:"signatures"`
	Declined    []refusal          `json:"declined"`
	Unconfirmed []unsaved          `json:"unconfirmed"`
	Missing     []string           `json:"missing"`   // at the deadline that ended the run
	Reminders   []reminder         `json:"reminders"` // for them
	Steps       []ceremony.Step    `json:"steps"`
}

// unsaved is a group that is saved here, and of which members have not said that
// they saved it.
type unsaved struct {
	Group     string     `json:"group"` // its name in the file
	Members   []string   `json:"members"`
	Reminders []reminder `json:"reminders"`
}

type memberSummary struct {
	Name      string             `json:"name"`
	Config    string             `json:"config,omitempty"` // of members run here
	PublicKey *commkey.PublicKey `json:"pubkey,omitempty"`
}

type signatureSummary struct {
	Message string   `json:"message"`
	Output  string   `json:"output"`
	Signers []string `json:"signers"`
	Valid   bool     `json:"valid"` // the file is here and verifies
}

// summary says where everything is.
func (r *run) summary(changed bool) error {
	plan, err := r.plan()
	if err != nil {
		return err
	}
	sum, err := r.summarize(plan, changed)
	if err != nil {
		return err
	}
	if len(sum.Unconfirmed) > 0 {
		r.env.say("frostkit: hint: ask who has not confirmed to run their part, then run this again")
	}
	if r.options.JSON {
		return r.env.writeJSON(sum)
	}
	r.writeSummary(sum)
	return nil
}

func (r *run) summarize(plan *ceremony.Plan, changed bool) (runSummary, error) {
	sum := runSummary{
		Ceremony: plan.Ceremony, Digest: plan.Digest, Changed: changed, Group: plan.Group, Threshold: plan.Threshold,
		Groups: plan.Groups, Members: []memberSummary{}, Signatures: []signatureSummary{}, Steps: plan.Steps,
		Declined: append([]refusal{}, r.refused...), Unconfirmed: []unsaved{},
		Missing: append([]string{}, r.missing...), Reminders: append([]reminder{}, r.reminders...),
	}
	for _, g := range r.file.Groups {
		members, err := r.awaited(g)
		if err != nil {
			return sum, err
		}
		if len(members) > 0 {
			left := unsaved{Group: g.Name, Members: members}
			for _, name := range members {
				left.Reminders = append(left.Reminders, reminder{name, r.partOf(name)})
			}
			sum.Unconfirmed = append(sum.Unconfirmed, left)
		}
	}
	rings, err := r.rings()
	if err != nil {
		return sum, err
	}
	defer destroy(rings)
	for _, m := range r.file.Members {
		member := memberSummary{Name: m.Name}
		if r.isHere(m.Name) {
			member.Config = r.configPath(m)
		}
		if key, ok := r.keyOf(m, rings, rings[r.here[0].Name]); ok {
			member.PublicKey = &key
		}
		sum.Members = append(sum.Members, member)
	}
	state, err := r.observe(rings)
	if err != nil {
		return sum, err
	}
	for i, signing := range r.file.Sign {
		sum.Signatures = append(sum.Signatures, signatureSummary{
			Message: r.messagePath(signing), Output: r.outputPath(signing), Signers: signing.Signers,
			Valid: state.Signatures[i] == ceremony.ValidSignature,
		})
	}
	return sum, nil
}

func (r *run) writeSummary(sum runSummary) {
	out := shown.NewWriter(r.env.Stdout)
	if !sum.Changed && len(sum.Declined) == 0 {
		r.sayIdle(sum)
	}
	for _, g := range sum.Groups {
		if g.Key != "" {
			fmt.Fprintf(out, "group      %s (%d of %d)%s\n", g.Key, g.Threshold, len(g.Members), prefixed(" ", g.Name))
		}
	}
	for _, m := range sum.Members {
		if m.Config != "" {
			fmt.Fprintf(out, "member     %s: %s\n", m.Name, m.Config)
		}
	}
	for _, s := range sum.Signatures {
		if s.Valid {
			fmt.Fprintf(out, "signature  %s of %s, valid\n", s.Output, s.Message)
		}
	}
	for _, left := range sum.Unconfirmed {
		for _, who := range left.Reminders {
			fmt.Fprintf(out, "unconfirmed %s has not said that the group%s is saved there: %s\n", who.Member, prefixed(" ", left.Group), who.Command)
		}
	}
	for _, d := range sum.Declined {
		fmt.Fprintf(out, "declined   %s by %s: %s\n", d.Message, d.Member, d.Reason)
	}
}

// sayIdle says that nothing was left to do here.
func (r *run) sayIdle(sum runSummary) {
	var unknown []string
	for _, s := range sum.Signatures {
		if !s.Valid {
			unknown = append(unknown, s.Message)
		}
	}
	if len(unknown) == 0 {
		r.env.say("Nothing to do: everything in %s is done.", r.file.Path)
		return
	}
	r.env.say("Nothing to do: the part of %s in %s is done; whether this is signed is not known here: %s",
		strings.Join(r.namesHere(), ", "), r.file.Path, strings.Join(unknown, ", "))
}

// prefixed returns text after a prefix, or nothing where there is no text.
func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}
