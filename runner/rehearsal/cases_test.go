package rehearsal_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"frostkit/ceremony"
	"frostkit/runner"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
	"frostkit/runner/rehearsal"
)

// What a member is about when Eve does wrong.
const (
	generating   = "key generation"
	signing      = "signing"            // which Alice coordinates
	coordinating = "signing led by Eve" // with Alice and Bob as signers
)

// The protocols; "" stands for both.
const (
	both        = ceremony.Protocol("")
	frostkit    = ceremony.Frostkit
	frostClient = ceremony.FrostClient
)

// How a case ends for somebody honest: with the names of those whom it blames, or
// with one of these.
const (
	well     = "-"           // it has the group, or has signed
	silent   = "missing Eve" // nobody is blamed: what happened cannot be proven
	declined = "declined"
	told     = "told by Alice" // that there will be no signature
	stopped  = "stopped"       // by the rehearsal, when the others had ended
	someone  = "whoever is replayed"
)

// misdeed is one thing that Eve does, who makes a group of three with Alice and
// Bob, two of whom are to sign, and whom these name for it.
type misdeed struct {
	number     int // of the case
	step       string
	speak      ceremony.Protocol
	does       string
	how        how
	alice, bob string
	exit       int // class of the exit code of who blames, misses or declines
}

// The cases 22 to 33 of the threat model, with case 28 at the end. In a key generation
// one of the two can have the group and the other not: with frost-client's protocol,
// which has no confirmation, and where Bob alone has got a false signature. He has
// stored his share by then, and completes (package native, TestCompletedAfterAFalseSignature).
//
// In case 27 it is the relay that does it. With frost-client's protocol it can have
// somebody honest named: messages are bound to keys, and not to a session.
var misdeeds = slices.Concat([]misdeed{
	{22, generating, both, "shares that are not of her polynomial", fault("wrong-share:Eve"), "Eve", "Eve", 7},
	{22, generating, frostkit, "such a share to Bob", fault("wrong-share:Eve=Bob"), "Eve", "Eve", 7},
	{22, generating, frostClient, "such a share to Bob", fault("wrong-share:Eve=Bob"), well, "Eve", 7},
	{22, generating, frostkit, "a share for Bob that does not decrypt", lies(damagedCiphertext), "Eve", "Eve", 7},

	{23, generating, both, "a proof that does not verify", fault("wrong-proof:Eve"), "Eve", "Eve", 7},
	{23, generating, both, "the package of Alice as her own", lies(copiedPackage), "Eve", "Eve", 7},
	{23, generating, both, "her package of an earlier session", again(ownOldPackage), "Eve", "Eve", 7},

	{24, generating, both, "a commitment too many", fault("longer-polynomial:Eve"), "Eve", "Eve", 7},
	{24, generating, both, "a commitment too few", fault("shorter-polynomial:Eve"), "Eve", "Eve", 7},

	{25, generating, frostkit, "another package to Bob", fault("different-packages:Eve"), "Eve", "Eve", 7},
	{25, generating, frostClient, "another package to Bob", fault("different-packages:Eve"), "Bob, Eve", "Alice, Eve", 7},
	{25, generating, frostkit, "and says nothing of it", lies(differentPackages, silentOn(signature, views, forward)), "Eve", "Eve", 7},

	{26, generating, frostClient, "echoes other packages than she received", fault("wrong-echo:Eve"), "Bob, Eve", "Alice, Eve", 7},
	{26, generating, frostClient, "echoes what was received, as a stranger's", lies(echoOf(stranger)), "Eve", "Eve", 7},
	{26, generating, frostClient, "echoes what was received, as identifier 0's", lies(echoOf(zero)), "Eve", "Eve", 7},
	{26, generating, frostClient, "sends no echo, and all that follows", lies(unsaidEcho), well, well, 0},
	{26, generating, frostClient, "her echo is lost", fault("drop:Eve@echo"), silent, silent, 6},
	{26, generating, frostkit, "blames Alice for a wrong proof", fault("false-blame:Eve"), "Eve", "Eve", 7},
	{26, generating, frostkit, "blames Alice for a malformed package", lies(blames(encoding, nil)), "Eve", "Eve", 7},
	{26, generating, frostkit, "blames Alice for a ciphertext, and shows what she made up", lies(blames(decryption, madeUp)), "Eve", "Eve", 7},
	{26, generating, frostkit, "blames Alice for a share that Alice never sent", lies(blames(share, madeUp)), "Eve", "Eve", 7},
	{26, generating, frostkit, "blames Alice for a signature, which arrives", lies(blames(signing3, nil)), "Eve", "Alice, Eve", 7},
	{26, generating, frostkit, "blames a member who is none", lies(blamesNobody), "Eve", "Eve", 7},
	{26, generating, frostkit, "signs another transcript, and owns to the right packages", lies(otherTranscript, trueViews), "Eve", "Eve", 7},
	{26, generating, frostkit, "signs another transcript, and says no more", lies(otherTranscript, silentOn(views, forward)), silent, silent, 6},
	{26, generating, frostkit, "signs another transcript, and claims another package of Bob", lies(otherTranscript, falseView(bob)), silent, silent, 6},
	{26, generating, frostkit, "signs another transcript, and denies her own package", lies(otherTranscript, falseView(eve)), "Eve", "Eve", 7},
	{26, generating, frostkit, "signs another transcript, and lists too few packages", lies(otherTranscript, shortViews), "Eve", "Eve", 7},
	{26, generating, frostkit, "forwards what Bob has not signed", lies(forgedForward), well, well, 0},
	{26, generating, frostkit, "forwards, and asks for, what a stranger said", lies(strangersForward), well, well, 0},

	{27, generating, both, "everything of hers arrives twice", fault("repeat:Eve"), well, well, 0},
	{27, generating, both, "everything arrives again 5 s later", relays(replayLater), well, well, 0},
	{27, generating, frostkit, "a whole session before arrives first", relays(replaySession), well, well, 0},
	{27, generating, frostkit, "a whole session before arrives in one with its ID", relays(replaySameSession), well, well, 0},
	{27, generating, frostClient, "a whole session before arrives first", relays(replaySession), someone, someone, 7},
	{27, signing, both, "everything of hers arrives twice", fault("repeat:Eve"), well, well, 0},
	{27, signing, both, "everything arrives again 5 s later", relays(replayLater), well, well, 0},
	{27, signing, frostkit, "a whole session before arrives first", relays(replaySession), well, well, 0},
	{27, signing, frostClient, "a whole session before arrives first", relays(replaySession), "Alice", "Alice", 7},
	{27, signing, frostkit, "a whole session before arrives in one with its ID", relays(replaySameSession), well, well, 0},

	{29, generating, frostkit, "a signature of the transcript that does not verify", fault("wrong-signature:Eve"), "Eve", "Eve", 7},
	{29, generating, frostkit, "such a signature to Bob", lies(wrongSignatureTo("Bob")), well, "Eve", 7},
	{29, generating, frostkit, "such a signature to Bob, before Alice has hers", lies(wrongSignatureTo("Bob"), lateTo("Alice")), "Bob, Eve", "Eve", 7},
	{29, generating, frostkit, "signs, and then signs another transcript", lies(twoTranscripts), "Eve", "Eve", 7},
	{29, generating, frostkit, "never signs", fault("drop:Eve@signatures"), silent, silent, 6},
	{29, generating, frostkit, "signs, and never confirms", fault("drop:Eve@confirmations"), well, well, 0},
	{29, generating, frostkit, "signs, confirms, and then gives up", lies(deniesLater), well, well, 0},

	{30, coordinating, both, "a package without its recipient", lies(repackaged(withoutYou)), "Eve", "Eve", 7},
	{30, coordinating, both, "a package with another's commitments as the recipient's", lies(repackaged(anothersAsYours)), "Eve", "Eve", 7},
	{30, coordinating, both, "a package with the recipient's commitments of a session before", again(repackaged(yourOld)), "Eve", "Eve", 7},
	{30, coordinating, both, "a package with fewer signers than the threshold", lies(repackaged(youAlone)), "Eve", "Eve", 7},
	{30, coordinating, both, "a package with a stranger", lies(repackaged(withStranger)), "Eve", "Eve", 7},
	{30, coordinating, both, "a package with a signer twice", lies(repackaged(somebodyTwice)), "Eve", "Eve", 7},
	{30, coordinating, both, "a package with nobody", lies(repackaged(nobody)), "Eve", "Eve", 7},
	{30, coordinating, frostClient, "no package for the message", lies(noPackage), "Eve", "Eve", 7},

	{31, signing, frostkit, "declines, with a reason", fault("decline:Eve=no"), declined, told, 8},
	{31, signing, frostClient, "declines, which nobody is told", fault("decline:Eve=no"), stopped, well, 8},
	{31, coordinating, both, "asks for another message than the file names", lies(otherMessage), declined, declined, 8},
	{31, coordinating, both, "auxiliary data along with it", lies(withAux), declined, declined, 8},
	{31, coordinating, frostkit, "proposes what another file says", lies(otherFile), "differ", "differ", 10},
	{31, coordinating, frostkit, "proposes two messages", lies(twoProposals), "Eve", "Eve", 7},
	{31, coordinating, frostkit, "two packages for one nonce", liesLate(secondPackage), "Eve", "Eve", 7},
	{31, coordinating, frostClient, "two packages for one nonce", liesLate(secondPackage), well, well, 0},

	{32, signing, frostkit, "a signature share that does not verify", fault("bad-signature-share:Eve"), "Eve", told, 7},
	{32, signing, frostClient, "a signature share that does not verify", fault("bad-signature-share:Eve"), "Eve", well, 7},
	{32, signing, frostkit, "two different shares", lies(twoShares), "Eve", told, 7},
	{32, signing, frostClient, "two different shares", lies(twoShares), "Eve", well, 7},
	{32, signing, both, "no share", fault("drop:Eve@shares"), silent, well, 6},
	{32, coordinating, frostkit, "an invalid signature", liesLate(wrongResult), "Eve", "Eve", 7},

	{33, coordinating, both, "never begins", lies(mute), silent, silent, 6},
	{33, coordinating, both, "stops before the package", fault("kill:Eve@package"), silent, silent, 6},
	{33, coordinating, frostkit, "withholds the signature", lies(silentOn(signed)), well, well, 0},
}, invalidValues())

// TestCases goes through the misdeeds: those who are honest name exactly the culprit,
// exit with that class, and nobody has a group or signature that is not to be.
func TestCases(t *testing.T) {
	for _, m := range misdeeds {
		for _, speak := range []ceremony.Protocol{frostkit, frostClient} {
			if m.speak != both && m.speak != speak {
				continue
			}
			t.Run(fmt.Sprintf("%d %s, %s: %s", m.number, m.step, speak, m.does), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { m.check(t, speak) })
			})
		}
	}
}

func (m *misdeed) check(t *testing.T, speak ceremony.Protocol) {
	w := newWorld(t, m, speak)
	defer w.Destroy()
	if m.how.values == nil {
		w.run(m.step, nil)
		m.judge(t, w)
	}
	for name, value := range m.how.values {
		t.Logf("with %s", name)
		w.run(m.step, value)
		m.judge(t, w)
	}
}

func (m *misdeed) judge(t *testing.T, w *world) {
	for _, honest := range []struct{ name, want string }{{"Alice", m.alice}, {"Bob", m.bob}} {
		err := w.end(honest.name)
		if got := outcome(err); got != honest.want && (honest.want != someone || !errors.As(err, new(*protocol.CulpritError))) {
			t.Errorf("%s: %s, want %s\n%v", honest.name, got, honest.want, err)
		}
		counts := honest.want != well && honest.want != told && honest.want != stopped
		if code := runner.ExitCode(err); counts && code != m.exit {
			t.Errorf("%s exits with %d, want %d\n%v", honest.name, code, m.exit, err)
		}
	}
	w.checkShares(m)
	if m.exit == 0 && w.failed != nil {
		t.Errorf("the rehearsal failed: %v", w.failed)
	}
}

// outcome says how a case ended for somebody.
func outcome(err error) string {
	var culprit *protocol.CulpritError
	var missing *protocol.MissingError
	var differ *native.AgreementError
	var ended *native.EndedError
	switch {
	case err == nil:
		return well
	case errors.Is(err, rehearsal.ErrStopped):
		return stopped
	case errors.As(err, &ended):
		return "told by " + ended.Member.Name
	case errors.Is(err, protocol.ErrDeclined):
		return declined
	case errors.As(err, &culprit):
		return names(culprit.Culprits)
	case errors.As(err, &differ):
		return "differ"
	case errors.As(err, &missing):
		return "missing " + names(missing.Missing)
	}
	return err.Error()
}

func names(members []protocol.Member) string {
	var list []string
	for _, m := range members {
		list = append(list, m.Name)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}
