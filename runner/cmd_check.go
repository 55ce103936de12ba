package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"frostkit/ceremony"
	"frostkit/internal/shown"
	"frostkit/keyring"
)

type checkCommand struct{ ceremonyFlags }

// What a check asks the network is bounded: the first question by checkTimeout, all others together by
// checkTimeout and what a relay as slow as its first answer needs, and in all by longestCheck.
const (
	checkTimeout = 30 * time.Second
	longestCheck = 3 * time.Minute
)

// status is how a check ended.
type status string

const (
	checkOK      status = "ok"
	checkWarning status = "warning" // it can work
	checkFailed  status = "failed"  // it cannot
	checkUnknown status = "unknown" // it cannot be told
)

// finding is what one check found, as `check --json` prints it.
type finding struct {
	Check   string `json:"check"`
	Subject string `json:"subject,omitempty"` // a member, a file, a folder or the relay
	Status  status `json:"status"`
	Detail  string `json:"detail"`
	Hint    string `json:"hint,omitempty"` // what to do about it
	Code    int    `json:"exitCode"`       // that a run would end with; 0 where it would not
}

// checkup looks at everything that a run will need, and changes nothing.
type checkup struct {
	*scene
	findings []finding
	opened   map[string]string // who has opened a session, with whom here; nil before the relay was asked
}

// Run prints what it finds. The exit code is that of the first check that
// failed, which a run would end with.
func (c *checkCommand) Run(e *Env) error {
	s, err := e.readScene(c.ceremonyFlags)
	if err != nil {
		return err
	}
	k := &checkup{scene: s}
	k.all(e.Context)
	if err := e.Context.Err(); err != nil {
		return err
	}
	if err := k.print(c.JSON); err != nil {
		return err
	}
	return k.verdict()
}

func (k *checkup) all(ctx context.Context) {
	k.versions()
	if refused := k.tooMuch(); len(refused) > 0 {
		for _, problem := range refused {
			k.failed("access", "", problem)
		}
		return // nothing that the file names is opened before that is settled
	}
	if clashes := k.gate.Clashes(); len(clashes) > 0 {
		k.failed("files", "", clashes)
		return
	}
	k.planned()
	for _, signing := range k.file.Sign {
		k.messageOf(signing)
	}
	k.approvals()
	k.disk()
	if k.file.Server.BuiltIn() {
		if !k.hasFailed("relay") {
			k.add("relay", "", checkOK, "the run starts one by itself")
		}
		return
	}
	k.relay(ctx)
}

func (k *checkup) add(check, subject string, s status, format string, args ...any) {
	k.findings = append(k.findings, finding{Check: check, Subject: subject, Status: s, Detail: fmt.Sprintf(format, args...)})
}

func (k *checkup) hint(format string, args ...any) {
	k.findings[len(k.findings)-1].Hint = fmt.Sprintf(format, args...)
}

// failed adds what a run would fail with.
func (k *checkup) failed(check, subject string, err error) {
	failure := classify(err)
	k.findings = append(k.findings, finding{
		Check: check, Subject: subject, Status: checkFailed, Detail: failure.Error(), Hint: failure.Hint, Code: failure.Code,
	})
}

func (k *checkup) hasFailed(check string) bool {
	return slices.ContainsFunc(k.findings, func(f finding) bool { return f.Check == check && f.Status == checkFailed })
}

func (k *checkup) versions() {
	k.add("version", "frostkit", checkOK, "%s, ceremony file version %d; the other members' are seen in the run", Version, k.file.Version)
	k.add("protocol", string(k.file.Protocol), checkOK, "this frostkit speaks it")
}

// planned says what a plan knows: keys, contacts, and what stands in the way.
func (k *checkup) planned() {
	plan, err := k.plan()
	if err != nil {
		k.failed("plan", k.file.Path, err)
		return
	}
	if err := differing(plan); err != nil {
		k.failed("group", "", err)
	}
	for _, step := range plan.Steps {
		switch {
		case plan.IsDiffering(step): // said above
		case step.Blocked != "":
			k.failed(string(step.Kind), "", failf(blockedCode(step), "%s", step.Blocked))
		case step.Kind == ceremony.Keygen && !step.Done:
			k.add("keygen", "", checkWarning, "%s", step.Why)
			k.hint("members elsewhere need the contacts: frostkit init, then frostkit export")
		case step.Kind == ceremony.Contacts && !step.Done:
			k.add("contacts", "", checkOK, "the run exchanges them")
		case step.Kind == ceremony.Keygen || step.Kind == ceremony.Contacts:
			k.add(string(step.Kind), "", checkOK, "%s", step.Why)
		}
	}
	if err := k.checkRoom(plan); err != nil {
		k.failed("room", "", err)
	}
	for _, warning := range plan.Warnings {
		k.add("plan", k.file.Path, checkWarning, "%s", warning)
	}
}

func (k *checkup) messageOf(signing ceremony.Signing) {
	if len(k.signersHere(signing)) == 0 {
		return
	}
	path := k.messagePath(signing)
	message, err := k.message(signing)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !k.isHere(signing.Coordinator()):
		k.add("message", path, checkWarning, "signing %d: not here", signing.Number)
		k.hint("%s", absentHint(signing))
	case err != nil:
		k.failed("message", path, err)
	case signing.SHA256 != "":
		k.add("message", path, checkOK, "signing %d: %d bytes, with the SHA-256 digest that the file says", signing.Number, len(message))
	default:
		k.add("message", path, checkOK, "signing %d: %d bytes, SHA-256 %s", signing.Number, len(message), digestOf(message))
	}
}

func absentHint(signing ceremony.Signing) string {
	if signing.SHA256 != "" {
		return "what its coordinator sends is compared with the digest in the file"
	}
	return "what its coordinator sends is shown before it is signed; a sha256: in the file pins it"
}

func (k *checkup) signersHere(signing ceremony.Signing) []string {
	var here []string
	for _, name := range signing.Signers {
		if k.isHere(name) {
			here = append(here, name)
		}
	}
	return here
}

// approvals looks for the programs that approve for members here.
func (k *checkup) approvals() {
	for _, m := range k.here {
		if m.Approve.By != ceremony.ByCommand {
			continue
		}
		if path, err := exec.LookPath(k.gate.Program(m)); err != nil {
			k.failed("approve", m.Name, failf(ExitDeclined, "the approval command: %w", err))
		} else {
			k.add("approve", m.Name, checkOK, "%s decides, within %s", path, k.file.Timeouts.Approve)
		}
	}
}

// disk tries whether the files of members here can be written.
func (k *checkup) disk() {
	seen := map[string]bool{}
	for _, path := range k.written() {
		dir := filepath.Dir(path)
		if seen[dir] {
			continue
		}
		seen[dir] = true
		if err := probeFolder(nearestFolder(dir)); err != nil {
			k.failed("disk", dir, unwritable(err))
			continue
		}
		k.space(dir)
	}
}

// enoughSpace is what a ceremony needs at most, in bytes, with room to spare.
const enoughSpace = 16 << 20

func (k *checkup) space(dir string) {
	free, known := freeSpace(nearestFolder(dir))
	switch {
	case !known:
		k.add("disk", dir, checkOK, "writable; how much space is left cannot be told")
	case free < enoughSpace:
		k.failed("disk", dir, tooLittleSpace(dir, free))
	default:
		k.add("disk", dir, checkOK, "writable, %d MiB left", free>>20)
	}
}

// tooLittleSpace is what a run fails with for lack of space in a folder.
func tooLittleSpace(dir string, free uint64) error {
	return failf(ExitStorage, "only %d KiB are left on the disk of %q", free>>10, dir).hint("make room for at least %d MiB", enoughSpace>>20)
}

// written returns the files that a run writes here.
func (k *checkup) written() []string {
	var paths []string
	for _, m := range k.here {
		paths = append(paths, k.configPath(m))
	}
	for _, signing := range k.file.Sign {
		if k.isHere(signing.Coordinator()) {
			paths = append(paths, k.outputPath(signing))
		}
	}
	return paths
}

func (k *checkup) print(asJSON bool) error {
	if asJSON {
		return k.env.writeJSON(map[string]any{
			"ceremony": k.file.Name, "digest": digestText(k.file), "version": Version,
			"ready": k.verdict() == nil, "checks": k.findings,
		})
	}
	for _, f := range k.findings {
		line := fmt.Sprintf("%-7s  %s", f.Status, f.Check)
		if f.Subject != "" {
			line += " " + keyring.EscapeName(f.Subject)
		}
		line += ": " + f.Detail
		if f.Hint != "" {
			line += "; " + f.Hint
		}
		fmt.Fprintln(k.env.Stdout, shown.Line(line, shown.MaxLine))
	}
	return nil
}

// verdict is nil where a run can begin.
func (k *checkup) verdict() error {
	code, failed := 0, 0
	for _, f := range k.findings {
		if f.Status == checkFailed {
			failed++
			if code == 0 {
				code = f.Code
			}
		}
	}
	if failed == 0 {
		return nil
	}
	return failf(code, "checking %q: %d of %d checks failed", k.file.Path, failed, len(k.findings))
}
