package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"frostkit/ceremony"
	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/keyring"
)

// scene is a ceremony as it stands on this machine: the file, whose part is
// played here, and what is done already.
type scene struct {
	env  *Env
	file *ceremony.File
	as   string
	dir  string // of credentials and outputs
	here []ceremony.Member
}

// openScene reads and checks everything that can be checked without a network.
func (e *Env) openScene(flags ceremonyFlags) (*scene, error) {
	file, err := ceremony.Load(flags.File)
	if err != nil {
		return nil, err
	}
	if err := checkContacts(file); err != nil {
		return nil, err
	}
	s := &scene{env: e, file: file, as: flags.As, dir: flags.Dir, here: file.LocalMembers()}
	if s.dir == "" {
		s.dir = file.Dir()
	}
	if flags.As != "" {
		member, ok := file.Member(flags.As)
		if !ok {
			return nil, failf(ExitInput, "no member %q in %q", flags.As, flags.File).
				hint("the members are %s", quotedList(file.Names()))
		}
		s.here = []ceremony.Member{member}
	}
	return s, nil
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

func asProblems(err error, problems *ceremony.Problems) bool { return errors.As(err, problems) }

func (s *scene) configPath(m ceremony.Member) string { return ceremony.Resolve(s.dir, m.Config) }

func (s *scene) messagePath(g ceremony.Signing) string {
	return ceremony.Resolve(s.file.Dir(), g.Message)
}

func (s *scene) outputPath(g ceremony.Signing) string { return ceremony.Resolve(s.dir, g.Output) }

func (s *scene) isHere(name string) bool {
	return slices.ContainsFunc(s.here, func(m ceremony.Member) bool { return m.Name == name })
}

// everybodyHere reports whether all members are run by this process.
func (s *scene) everybodyHere() bool { return len(s.here) == len(s.file.Members) }

// rings reads the credentials of everybody here.
func (s *scene) rings() (map[string]*keyring.Keyring, error) {
	rings := map[string]*keyring.Keyring{}
	for _, m := range s.here {
		k, err := keyring.Load(s.configPath(m))
		if err != nil {
			return nil, err
		}
		rings[m.Name] = k
	}
	return rings, nil
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

// plan compares the file with what is there.
func (s *scene) plan() (*ceremony.Plan, error) {
	state, err := s.observe()
	if err != nil {
		return nil, err
	}
	return s.file.Plan(state, ceremony.PlanOptions{As: s.as, Dir: s.dir, MessageDir: s.file.Dir()})
}

func (s *scene) observe() (ceremony.State, error) {
	state := ceremony.State{Keys: map[string]bool{}, Contacts: map[string]map[string]bool{}, Groups: map[string]string{}}
	rings, err := s.rings()
	if err != nil {
		return state, err
	}
	var key frost.VerifyingKey
	for _, m := range s.here {
		k := rings[m.Name]
		state.Keys[m.Name] = k.Key() != nil
		if state.Contacts[m.Name], err = s.knownTo(m, k, rings); err != nil {
			return state, err
		}
		if group := s.groupIn(k, rings); group != nil {
			pub, err := group.PublicKeyPackage()
			if err != nil {
				return state, err
			}
			key, state.Groups[m.Name] = pub.VerifyingKey(), group.ID()
		}
	}
	for _, signing := range s.file.Sign {
		found, err := s.signatureState(signing, key)
		if err != nil {
			return state, err
		}
		state.Signatures = append(state.Signatures, found)
	}
	return state, nil
}

// knownTo tells which members are among m's contacts, and fails on one who is
// there under another key.
func (s *scene) knownTo(m ceremony.Member, k *keyring.Keyring, rings map[string]*keyring.Keyring) (map[string]bool, error) {
	known := map[string]bool{}
	for _, other := range s.file.Members {
		key, ok := s.keyOf(other, rings, k)
		if !ok {
			continue
		}
		if _, found := k.ContactByKey(key); found {
			known[other.Name] = true
			continue
		}
		for _, contact := range k.Contacts() {
			if contact.Name == other.Name && other.Name != m.Name {
				return nil, failf(ExitInput, "the contact %q in %q has the key %s, and the ceremony's %s has %s",
					other.Name, k.Path(), contact.Key, other.Name, key).
					hint("find out which is right; frostkit remove-contact -c %s -p %s removes the old one", k.Path(), contact.Key)
			}
		}
	}
	return known, nil
}

// groupIn finds the group of this ceremony: same description, ciphersuite,
// threshold and members.
func (s *scene) groupIn(k *keyring.Keyring, rings map[string]*keyring.Keyring) *keyring.Group {
	keys, complete := s.memberKeys(k, rings)
	if !complete {
		return nil
	}
	for _, group := range k.Groups() {
		if group.Description == s.file.Group.Description && s.sameMembers(group, keys) && s.sameThreshold(group) {
			return group
		}
	}
	return nil
}

func (s *scene) memberKeys(k *keyring.Keyring, rings map[string]*keyring.Keyring) ([]commkey.PublicKey, bool) {
	keys := make([]commkey.PublicKey, len(s.file.Members))
	for i, m := range s.file.Members {
		key, ok := s.keyOf(m, rings, k)
		if !ok {
			return nil, false
		}
		keys[i] = key
	}
	return keys, true
}

func (s *scene) sameMembers(group *keyring.Group, keys []commkey.PublicKey) bool {
	if len(group.Participants) != len(keys) {
		return false
	}
	for _, p := range group.Participants {
		if !slices.Contains(keys, p.Key) {
			return false
		}
	}
	return true
}

func (s *scene) sameThreshold(group *keyring.Group) bool {
	cs, err := frost.CiphersuiteByName(s.file.Ciphersuite)
	if err != nil || cs.ID() != group.Ciphersuite {
		return false
	}
	key, err := group.KeyPackage()
	if err != nil {
		return false
	}
	defer key.Destroy()
	return key.MinSigners() == s.file.Threshold
}

// signatureState looks at the output of a signing.
func (s *scene) signatureState(g ceremony.Signing, key frost.VerifyingKey) (ceremony.SignatureState, error) {
	raw, err := os.ReadFile(s.outputPath(g))
	if errors.Is(err, fs.ErrNotExist) {
		return ceremony.NoSignature, nil
	}
	if err != nil {
		return 0, failf(ExitInput, "reading the signature: %w", err)
	}
	if key.Ciphersuite() == nil {
		return ceremony.OtherFile, nil
	}
	message, err := s.message(g)
	if err != nil {
		return 0, err
	}
	signature, err := decodeSignature(key.Ciphersuite(), raw)
	if err != nil || key.Verify(message, signature) != nil {
		return ceremony.OtherFile, nil
	}
	return ceremony.ValidSignature, nil
}

// message reads a message, and reports one that is not there at its place in
// the file.
func (s *scene) message(g ceremony.Signing) ([]byte, error) {
	message, err := os.ReadFile(s.messagePath(g))
	if err != nil {
		return nil, ceremony.Problems{s.file.Problem(g.MessagePos, "reading the message: %v", err)}
	}
	return message, nil
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
