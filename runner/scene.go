package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"frostkit/ceremony"
	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/internal/files"
	"frostkit/keyring"
	"frostkit/relay"
	"frostkit/runner/access"
	"frostkit/runner/protocol"
)

// scene is a ceremony as it stands on this machine: the file, whose part is
// played here, and what is done already.
type scene struct {
	env   *Env
	file  *ceremony.File
	suite frost.Ciphersuite
	flags ceremonyFlags
	dir   string // of credentials and outputs
	here  []ceremony.Member
	gate  *access.Gate // opens what the file names

	asked   newGroups
	earlier map[string]*recordedGroup // by the group's name: what recorded found when it was asked first
}

// openScene reads and checks everything that can be checked without a network, and refuses a file that asks for
// more than it may.
func (e *Env) openScene(flags ceremonyFlags) (*scene, error) {
	s, err := e.readScene(flags)
	if err != nil {
		return nil, err
	}
	if refused := s.tooMuch(); len(refused) > 0 {
		return nil, refusedFailure(refused)
	}
	if clashes := s.gate.Clashes(); len(clashes) > 0 {
		return nil, clashes
	}
	return s, nil
}

// tooMuch lists what the run of the members here would need and may not.
func (s *scene) tooMuch() ceremony.Problems {
	return s.gate.Refused(s.namesHere(), access.Reads, access.Writes, access.Starts)
}

// readScene is openScene that leaves it to the caller to refuse.
func (e *Env) readScene(flags ceremonyFlags) (*scene, error) {
	file, granted, err := e.loadCeremony(flags.File, flags.localFlag)
	if err != nil {
		return nil, err
	}
	suite, err := frost.CiphersuiteByName(file.Ciphersuite)
	if err != nil {
		return nil, err
	}
	s := &scene{env: e, file: file, suite: suite, flags: flags, dir: flags.Dir, here: file.LocalMembers()}
	if s.dir == "" {
		s.dir = file.Dir()
	}
	if flags.As != "" {
		member, ok := file.Member(flags.As)
		if !ok {
			return nil, failf(ExitInput, "no member %q in %q", flags.As, flags.File).
				hint("%s", sentences(nearName("--as", flags.As, file.Names()), "the members are "+quotedList(file.Names())))
		}
		s.here = []ceremony.Member{member}
	}
	s.gate = access.Open(file, flags.Dir, granted)
	return s, nil
}

// refusedFailure is what a command fails with whose ceremony file asks for more than it may.
func refusedFailure(refused ceremony.Problems) error {
	return failf(ExitInput, "%w", refused).hint("nothing was read, written or started; keep it in the ceremony's folder, or follow what is said above")
}

// localFlag names one's own values for a ceremony.
type localFlag struct {
	Local string `placeholder:"FILE" help:"Your own values for this ceremony: paths, how you approve, the relay; they replace those in the ceremony file."`
}

// loadCeremony reads a ceremony file with one's own values, and checks its contact strings. It
// also returns what the file was allowed to ask for: then, and in one's own values,
// the environment's variables are known.
func (e *Env) loadCeremony(path string, local localFlag) (*ceremony.File, []access.Ask, error) {
	content, err := ceremony.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, classify(err).hint("%s", sentences(nearFile(path), "name a ceremony file that is there; frostkit help ceremony-file says what is in one"))
	}
	if err != nil {
		return nil, nil, err
	}
	var options []ceremony.Option
	var granted []access.Ask
	if store, err := access.UserStore(); err == nil { // who has no folder has allowed nothing
		granted = store.Find(path, content)
	}
	if granted != nil {
		options = append(options, ceremony.Environment(e.variable))
	}
	if local.Local != "" {
		own, err := ceremony.Read(local.Local)
		if err != nil {
			return nil, nil, failf(ExitInput, "reading your own values: %w", err).hint("name the file with them: --local FILE")
		}
		options = append(options, ceremony.Local(local.Local, own, e.variable))
	}
	file, err := ceremony.Parse(path, content, options...)
	if err != nil {
		return nil, nil, err
	}
	return file, granted, checkContacts(file)
}

// variable is a variable of the environment that has a value.
func (e *Env) variable(name string) (string, bool) {
	value := e.Getenv(name)
	return value, value != ""
}

// checkContacts decodes the file's contact strings, so that a bad one is
// reported at its place in the file.
func checkContacts(file *ceremony.File) error {
	var problems ceremony.Problems
	seen := map[commkey.PublicKey]string{}
	for _, m := range file.RemoteMembers() {
		contact, err := keyring.ParseContact(m.Contact)
		if err != nil {
			problems = append(problems, file.Problem(m.ContactPos, "contact of %q: %v", m.Name, err).
				WithHint("ask %s for what \"frostkit export\" prints", m.Name))
			continue
		}
		if other, taken := seen[contact.Key]; taken {
			problems = append(problems, file.Problem(m.ContactPos, "contact of %q has the key of %q", m.Name, other))
		}
		seen[contact.Key] = m.Name
	}
	if len(problems) == 0 {
		return nil
	}
	return problems
}

// credentials are those of a member here.
func (s *scene) credentials(m ceremony.Member) keyring.File {
	return keyring.At(s.gate.Place(m.ConfigPath()))
}

func (s *scene) configPath(m ceremony.Member) string { return ceremony.Resolve(s.dir, m.Config) }

func (s *scene) messagePath(g ceremony.Signing) string {
	return ceremony.Resolve(s.file.Dir(), g.Message)
}

func (s *scene) output(g ceremony.Signing) files.Place { return s.gate.Place(g.OutputPath()) }

// authority is where the authority is that the file trusts, nil if it names none.
func (s *scene) authority() *files.Place {
	if s.file.Server.CA == "" {
		return nil
	}
	place := s.gate.Place(s.file.CAPath())
	return &place
}

func (s *scene) outputPath(g ceremony.Signing) string { return ceremony.Resolve(s.dir, g.Output) }

// namesHere returns the names of the members who are run by this process.
func (s *scene) namesHere() []string {
	names := make([]string, len(s.here))
	for i, m := range s.here {
		names[i] = m.Name
	}
	return names
}

func (s *scene) isHere(name string) bool {
	return slices.ContainsFunc(s.here, func(m ceremony.Member) bool { return m.Name == name })
}

// areHere reports whether all of these members are run by this process.
func (s *scene) areHere(names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !s.isHere(name) })
}

// everybodyHere reports whether all members are run by this process.
func (s *scene) everybodyHere() bool { return len(s.here) == len(s.file.Members) }

// rings reads the credentials of everybody here. The caller destroys them.
func (s *scene) rings() (map[string]*keyring.Keyring, error) {
	rings := map[string]*keyring.Keyring{}
	for _, m := range s.here {
		k, err := s.credentials(m).Load()
		if err != nil {
			destroy(rings)
			return nil, err
		}
		rings[m.Name] = k
	}
	return rings, nil
}

func destroy(rings map[string]*keyring.Keyring) {
	for _, k := range rings {
		k.Destroy()
	}
}

// keyOf finds a member's public key: in its own credentials when it is run
// here, else in the file, else among the viewer's contacts.
func (s *scene) keyOf(m ceremony.Member, rings map[string]*keyring.Keyring, viewer *keyring.Keyring) (commkey.PublicKey, bool) {
	if k := rings[m.Name]; k != nil {
		if k.Key() == nil {
			return commkey.PublicKey{}, false
		}
		return k.Key().Public(), true
	}
	if m.Contact != "" {
		contact, err := keyring.ParseContact(m.Contact)
		return contact.Key, err == nil
	}
	for _, contact := range viewer.Contacts() {
		if contact.Name == m.Name {
			return contact.Key, true
		}
	}
	return commkey.PublicKey{}, false
}

// plan compares the file with what is there, and has the warnings about the credentials.
func (s *scene) plan() (*ceremony.Plan, error) {
	rings, err := s.rings()
	if err != nil {
		return nil, err
	}
	defer destroy(rings)
	state, err := s.observe(rings)
	if err != nil {
		return nil, err
	}
	again, err := s.wantedNew(state.There)
	if err != nil {
		return nil, err
	}
	plan, err := s.file.Plan(state, ceremony.PlanOptions{
		As: s.flags.As, All: s.flags.All, NewGroups: again, Dir: s.dir, MessageDir: s.file.Dir(),
	})
	if err != nil {
		return nil, err
	}
	for _, m := range s.here {
		for _, kept := range s.credentials(m).Unsaved() {
			plan.Warnings = append(plan.Warnings, fmt.Sprintf("a group of %s is kept in %q, and is saved by the next run", m.Name, kept))
		}
		for _, warning := range rings[m.Name].Warnings() {
			if !slices.Contains(plan.Warnings, warning) { // members may know the same contacts
				plan.Warnings = append(plan.Warnings, warning)
			}
		}
	}
	return plan, nil
}

func (s *scene) observe(rings map[string]*keyring.Keyring) (ceremony.State, error) {
	var err error
	state := ceremony.State{
		Keys: map[string]bool{}, Contacts: map[string]map[string]bool{}, Groups: map[string]map[string]string{},
		There: map[string][]ceremony.Found{}, Wanted: map[string]ceremony.Found{}, Changed: map[int]ceremony.Change{},
	}
	for _, m := range s.here {
		k := rings[m.Name]
		state.Keys[m.Name] = k.Key() != nil
		if state.Contacts[m.Name], err = s.knownTo(m, k, rings); err != nil {
			return state, err
		}
	}
	keys := map[string]frost.VerifyingKey{}
	for _, g := range s.file.Groups {
		if state.Groups[g.Name], keys[g.Name], err = s.madeGroup(g, rings); err != nil {
			return state, err
		}
		state.Wanted[g.Name] = s.wanted(g)
		if state.There[g.Name], err = s.there(g, rings); err != nil {
			return state, err
		}
	}
	for _, signing := range s.file.Sign {
		found, err := s.signatureState(signing, keys[signing.Group])
		if err != nil {
			return state, err
		}
		state.Signatures = append(state.Signatures, found)
		if found != ceremony.OtherFile {
			continue
		}
		if change, changed := s.changed(signing); changed {
			state.Changed[len(state.Signatures)] = change
		}
	}
	return state, nil
}

// madeGroup returns the key of the group at each member here who has it, and
// the key itself where somebody does.
func (s *scene) madeGroup(g ceremony.Group, rings map[string]*keyring.Keyring) (map[string]string, frost.VerifyingKey, error) {
	made, key := map[string]string{}, frost.VerifyingKey{}
	for _, m := range s.here {
		if !slices.Contains(g.Members, m.Name) {
			continue
		}
		group := s.groupIn(g, rings[m.Name], rings)
		if group == nil {
			continue
		}
		pub, err := group.PublicKeyPackage()
		if err != nil {
			return nil, key, err
		}
		made[m.Name], key = group.ID(), pub.VerifyingKey()
	}
	return made, key, nil
}

// knownTo tells which members are among m's contacts, and fails on one who is
// there under another key than the ceremony has or, here, would make.
func (s *scene) knownTo(m ceremony.Member, k *keyring.Keyring, rings map[string]*keyring.Keyring) (map[string]bool, error) {
	known := map[string]bool{}
	for _, other := range s.file.Members {
		key, ok := s.keyOf(other, rings, k)
		if !ok && !s.isHere(other.Name) {
			continue
		}
		if _, found := k.ContactByKey(key); ok && found {
			known[other.Name] = true
			continue
		}
		for _, contact := range k.Contacts() {
			if contact.Name == other.Name && other.Name != m.Name {
				return nil, s.otherKey(m, other, k.Path(), contact.Key, key)
			}
		}
	}
	return known, nil
}

// otherKey says that m knows a member under another key than the ceremony has,
// which is zero where it has none yet.
func (s *scene) otherKey(m, other ceremony.Member, path string, known, key commkey.PublicKey) error {
	switch config := s.configPath(other); {
	case !s.isHere(other.Name):
		return failf(ExitInput, "the contact %q in %q has the key %s, and the contact in the file %s", other.Name, path, known, key).
			hint("find out which is right, and correct the file, or import the contact anew after frostkit remove-contact -c %s -p %s", path, known)
	case key.IsZero():
		return failf(ExitUsage, "the contact %q in %q has the key %s, which %q has not", other.Name, path, known, config).
			hint("did you mean --as %s, for one member's part? the key of %s is made here no second time", ceremony.Quote(m.Name), other.Name)
	default:
		return failf(ExitInput, "the contact %q in %q has the key %s, and %q has %s", other.Name, path, known, config, key).
			hint("if %s is run elsewhere, remove %s and run with --as %s", other.Name, config, ceremony.Quote(m.Name))
	}
}

// memberKeys returns the keys of a group's members in their order, as far as
// they are known.
func (s *scene) memberKeys(g ceremony.Group, k *keyring.Keyring, rings map[string]*keyring.Keyring) (keys []commkey.PublicKey, complete bool) {
	for _, name := range g.Members {
		m, _ := s.file.Member(name)
		key, ok := s.keyOf(m, rings, k)
		if !ok {
			return nil, false
		}
		keys = append(keys, key)
	}
	return keys, true
}

// signatureState looks at the output of a signing.
func (s *scene) signatureState(g ceremony.Signing, key frost.VerifyingKey) (ceremony.SignatureState, error) {
	state, _, err := s.savedSignature(g, key)
	return state, err
}

// savedSignature is signatureState with the signature, if it is valid. A message that is there and
// has another digest than the file says is a problem of the ceremony.
func (s *scene) savedSignature(g ceremony.Signing, key frost.VerifyingKey) (ceremony.SignatureState, frost.Signature, error) {
	none := frost.Signature{}
	message, readErr := s.message(g)
	if readErr != nil && !errors.Is(readErr, fs.ErrNotExist) {
		return 0, none, readErr
	}
	raw, _, err := s.output(g).Read(maxSpared)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ceremony.NoSignature, none, nil
	case err != nil:
		return 0, none, failf(ExitInput, "reading the signature: %w", err)
	case key.Ciphersuite() == nil:
		return ceremony.OtherFile, none, nil
	case readErr != nil:
		return 0, none, readErr
	}
	signature, err := decodeSignature(key.Ciphersuite(), raw)
	if err != nil || key.Verify(message, signature) != nil {
		return ceremony.OtherFile, none, nil
	}
	return ceremony.ValidSignature, signature, nil
}

// maxMessageFile is how much is read of a message, in bytes: more than can be signed.
const maxMessageFile = 1 << 20

// message reads a message, and reports one that is not there or not the
// one that the file means, at its place in the file.
func (s *scene) message(g ceremony.Signing) ([]byte, error) {
	message, _, err := s.gate.Place(g.MessagePath()).Read(maxMessageFile)
	if err != nil {
		return nil, &messageError{s.file.Problem(g.MessagePos, "reading the message: %v", err), err}
	}
	if most := s.mostSigned(g); len(message) > most {
		problem := s.file.Problem(g.MessagePos, "the message %q has %d bytes or more, and at most %d can be signed", s.messagePath(g), len(message), most).
			WithHint("sign a list of digests instead, as sha256sum prints them")
		return nil, ceremony.Problems{problem}
	}
	if digest := digestOf(message); g.SHA256 != "" && digest != g.SHA256 {
		problem := s.file.Problem(g.SHA256Pos, "the message %q has the SHA-256 digest %s, not %s", s.messagePath(g), digest, g.SHA256).
			WithHint("find out which is right; nothing is signed until they are the same")
		return nil, ceremony.Problems{problem}
	}
	return message, nil
}

// mostSigned is how many bytes the message of a signing may have.
func (s *scene) mostSigned(g ceremony.Signing) int {
	if s.file.Protocol == ceremony.FrostClient {
		return protocol.MaxSignedByFrostClient(len(g.Signers))
	}
	return protocol.MaxSigned(len(g.Signers))
}

// messageError says that a message cannot be read, where the file names it.
type messageError struct {
	problem ceremony.Problem
	err     error
}

func (e *messageError) Error() string { return e.problem.Error() }

func (e *messageError) Unwrap() []error { return []error{e.problem, e.err} }

// digestOf returns the SHA-256 digest of a message in hex.
func digestOf(message []byte) string {
	digest := sha256.Sum256(message)
	return hex.EncodeToString(digest[:])
}

func quotedList(names []string) string {
	text := ""
	for i, name := range names {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%q", name)
	}
	return text
}

// withTrust says where a ceremony file names the authority of its relay.
func (s *scene) withTrust(err error) error {
	var certificate *relay.CertificateError
	if !errors.As(err, &certificate) || certificate.Cause != relay.UnknownAuthority {
		return err
	}
	return classify(err).hint("if the relay is yours, trust its authority with server: {url: %s, ca: FILE} in %q, or set CAROOT to the folder of the local CA that made it",
		s.file.Server.Address(), s.file.Path)
}
