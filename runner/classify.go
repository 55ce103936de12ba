package runner

import (
	"context"
	"errors"
	"io/fs"
	"net/url"

	"frostkit/ceremony"
	"frostkit/keyring"
	"frostkit/relay"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
	"frostkit/runner/steps"
)

// classify gives an error the code to exit with and, where there is one, what
// to do next. It is the one place that knows.
func classify(err error) *Failure {
	var failure *Failure
	if errors.As(err, &failure) {
		known := *failure
		known.Err = err
		return suggestFile(&known)
	}
	for _, kind := range []func(error) *Failure{classifyFile, classifyStore, classifyKeyring, classifyMembers, classifyRelay} {
		if failure := kind(err); failure != nil {
			failure.Err = err
			return suggestFile(failure)
		}
	}
	return &Failure{Code: ExitInput, Err: err}
}

// suggestFile hints at the file that may be meant instead of one that is not there.
func suggestFile(f *Failure) *Failure {
	var path *fs.PathError
	if f.Hint == "" && errors.Is(f.Err, fs.ErrNotExist) && errors.As(f.Err, &path) {
		f.Hint = nearFile(path.Path)
	}
	return f
}

func classifyFile(err error) *Failure {
	var problems ceremony.Problems
	var problem ceremony.Problem
	var message *messageError
	if errors.As(err, &message) {
		return &Failure{Code: ExitInput, Hint: "nothing was changed; put the message there, readable, or correct its path in the ceremony file"}
	}
	if errors.As(err, &problems) || errors.As(err, &problem) {
		return &Failure{Code: ExitInput, Hint: "nothing was changed; correct the ceremony file, and check it with frostkit validate"}
	}
	return nil
}

func classifyKeyring(err error) *Failure {
	var locked *keyring.LockedError
	var path *fs.PathError
	var unreadable *keyring.FileError
	switch {
	case roomHint(err) != "":
		return &Failure{Code: ExitStorage, Hint: roomHint(err)}
	case errors.As(err, &locked):
		return &Failure{Code: ExitStorage, Hint: "wait until the other program has ended, then run this again"}
	case errors.As(err, &unreadable):
		return &Failure{Code: ExitInput, Hint: "the file was left as it is"}
	case errors.Is(err, keyring.ErrNotFound):
		return &Failure{Code: ExitInput, Hint: "frostkit contacts and frostkit groups list what there is"}
	case errors.Is(err, keyring.ErrChanged):
		return &Failure{Code: ExitStorage, Hint: "run this again"}
	case errors.As(err, &path):
		return &Failure{Code: ExitStorage}
	}
	return nil
}

func classifyMembers(err error) *Failure {
	var missing *protocol.MissingError
	var culprit *protocol.CulpritError
	var none *steps.NoSessionError
	var several *steps.AmbiguousSessionError
	var unknown *steps.UnknownMemberError
	var lost *steps.LostShareError
	var differ *native.AgreementError
	var forgot *native.LostRecordError
	var ended *native.EndedError
	switch {
	case errors.Is(err, protocol.ErrUnanswered):
		return &Failure{Code: ExitUsage, Hint: "nothing was signed, and nobody was told that you declined; answer y or n, or refuse with --decline"}
	case errors.Is(err, protocol.ErrDeclined):
		return &Failure{Code: ExitDeclined}
	case errors.As(err, &missing):
		return &Failure{Code: ExitMissing, Hint: "ask who is missing to run their part, then run this again"}
	case errors.As(err, &culprit):
		return &Failure{Code: ExitCulprit, Hint: culpritHint(culprit)}
	case errors.As(err, &none) && !none.Stranger.IsZero():
		return &Failure{Code: ExitMissing, Hint: "if you know whose key that is, import the contact (frostkit import) and run this again"}
	case errors.As(err, &none):
		return &Failure{Code: ExitMissing, Hint: "ask who opens it to run their part, or wait longer with --wait"}
	case errors.As(err, &several):
		return &Failure{Code: ExitInput, Hint: "frostkit sessions shows them; choose one with its id, or let its coordinator close what is left over (frostkit sessions --close-all)"}
	case errors.As(err, &unknown):
		return &Failure{Code: ExitInput, Hint: "if you know whose key that is, import the contact (frostkit import) and run this again"}
	case errors.As(err, &differ):
		return &Failure{Code: ExitDisagreed, Hint: "nothing was begun; agree on one ceremony file, then run this again"}
	case errors.As(err, &forgot):
		return &Failure{Code: ExitDisagreed, Hint: "who lost it puts back a copy of its credentials; where the file has \"recovery: bundle\" it recovers its share with its bundle and any member's certificate (frostkit recover)"}
	case errors.As(err, &ended):
		return &Failure{Code: ExitDisagreed, Hint: "ask what went wrong there, then run this again"}
	case errors.As(err, &lost):
		return &Failure{Code: ExitDisagreed, Hint: "tell the others to remove the new group (remove-group), and make it again together"}
	}
	return nil
}

func classifyRelay(err error) *Failure {
	var unreachable *relay.UnreachableError
	var certificate *relay.CertificateError
	var refused *relay.APIError
	var proxy *relay.ProxyError
	var odd *relay.ResponseError
	var mixed *relay.SchemeError
	switch {
	case errors.As(err, &certificate):
		return &Failure{Code: ExitInput, Hint: certificateHint(certificate.Cause)}
	case errors.As(err, &proxy):
		return &Failure{Code: ExitUnreachable, Hint: "a proxy answers there in the relay's place: ask who runs it; then run this again"}
	case errors.As(err, &odd) && odd.Proxied():
		return &Failure{Code: ExitUnreachable, Hint: "check the address, and ask who runs the proxy before the relay"}
	case errors.As(err, &mixed):
		return &Failure{Code: ExitInput}
	case errors.As(err, &unreachable) && unreachable.Proxy != "":
		return &Failure{Code: ExitUnreachable, Hint: "correct HTTPS_PROXY, or have the relay reached without it: NO_PROXY=" + hostOf(unreachable.URL)}
	case errors.As(err, &unreachable):
		return &Failure{Code: ExitUnreachable, Hint: "check the address, and that the relay is running (frostkit relay); then run this again"}
	case errors.Is(err, relay.ErrSessionNotFound):
		return &Failure{Code: ExitRefused, Hint: "the session was closed or never was; frostkit sessions lists those that are open"}
	case errors.As(err, &refused):
		return &Failure{Code: ExitRefused}
	case errors.Is(err, context.DeadlineExceeded):
		return &Failure{Code: ExitUnreachable}
	}
	return nil
}

// hostOf returns the host of a relay's URL.
func hostOf(relayURL string) string {
	address, err := url.Parse(relayURL)
	if err != nil {
		return ""
	}
	return address.Hostname()
}

// culpritHint says what is safe, and what to do, after a member broke the protocol.
func culpritHint(e *protocol.CulpritError) string {
	if e.Phase == protocol.PhaseCertificate { // the share is stored before anything leaves in this phase
		return "the share that was stored is kept, and no group was saved here; talk to them, then run this again"
	}
	return "nothing of this session was kept; talk to them before the next attempt"
}

func certificateHint(cause relay.CertificateCause) string {
	switch cause {
	case relay.UnknownAuthority:
		return "if the relay is yours, trust its authority with --ca FILE, or set CAROOT to the folder of the local CA that made it"
	case relay.CertificateExpired:
		return "check this machine's clock, and have the relay's certificate renewed"
	case relay.WrongName:
		return "use the name that the certificate is for, or have it made for this one too (frostkit cert make)"
	}
	return ""
}
