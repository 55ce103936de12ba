package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"frostkit/ceremony"
	"frostkit/frost"
	"frostkit/keyring"
	"frostkit/runner/protocol"
)

// groupSaver stores a group that is made by frost-client's protocol, in room that it has taken
// before the first message leaves.
type groupSaver struct {
	ctx                 context.Context // for its values
	credentials         keyring.File
	description, server string

	place   *keyring.Place // nil before prepare
	members int            // for whom place has room
	made    *keyring.Group // what was saved; its public part
}

// prepare takes room for a group of this many members.
func (s *groupSaver) prepare(members int) error {
	if members <= s.members {
		return nil
	}
	s.close()
	place, err := s.credentials.ReserveGroup(keyring.GroupSize(members, s.description, s.server))
	s.place, s.members = place, members
	return err
}

// save stores the group.
func (s *groupSaver) save(key *frost.KeyPackage, pub *frost.PublicKeyPackage, members []protocol.Member) (err error) {
	if s.made, err = keyring.NewGroup(groupOf(s.description, s.server, key, pub, members)); err != nil {
		return err
	}
	return s.place.Save(context.WithoutCancel(s.ctx), s.made)
}

// close gives the room back.
func (s *groupSaver) close() {
	if s.place != nil {
		_ = s.place.Close() // a file of blanks that stays goes with the next command
		s.place, s.members = nil, 0
	}
}

// saveUnsaved adds to credentials the groups that an earlier command could not add. Where that is not
// possible still, it warns.
func (e *Env) saveUnsaved(credentials keyring.File) {
	saved, err := credentials.SaveUnsaved(e.Context)
	for _, group := range saved {
		e.say("The group %q (%s), which was kept beside %s, is saved there.", group.Description, group.ID(), credentials.Path())
	}
	if err != nil {
		e.warn([]string{err.Error()})
	}
}

// checkRoom fails where a group that a run is to make here could not be stored.
func (s *scene) checkRoom(plan *ceremony.Plan) error {
	for _, step := range plan.Steps {
		if step.Kind != ceremony.DKG || step.Done {
			continue
		}
		group, _ := s.file.Group(step.Group)
		for _, m := range s.here {
			if !slices.Contains(group.Members, m.Name) {
				continue
			}
			if err := s.roomFor(group, s.credentials(m)); err != nil {
				return fmt.Errorf("beginning the part of %s: %w", keyring.EscapeName(m.Name), err)
			}
		}
	}
	return nil
}

// roomFor fails where credentials cannot take one more group. By frostkit's own protocol the share is
// stored before the others can have the group, so that only what will never fit is looked for.
func (s *scene) roomFor(group ceremony.Group, credentials keyring.File) error {
	folder := filepath.Dir(credentials.Path())
	if free, known := freeSpace(nearestFolder(folder)); known && free < enoughSpace {
		return tooLittleSpace(folder, free)
	}
	size := keyring.GroupSize(len(group.Members), group.Description, s.file.Server.Address())
	if _, err := os.Stat(folder); err != nil || s.file.Protocol == ceremony.Frostkit {
		return credentials.CheckSize(size)
	}
	place, err := credentials.ReserveGroup(size)
	if err != nil {
		return err
	}
	return place.Close()
}

// roomHint says what helps where a new group cannot be stored.
func roomHint(err error) string {
	var unsaved *keyring.UnsavedError
	switch {
	case errors.As(err, &unsaved):
		return fmt.Sprintf("make the credentials file writable, with room on its disk; then %s saves the group",
			shell("frostkit", "groups", "-c", unsaved.Credentials))
	case errors.Is(err, keyring.ErrNoRoom):
		return "make room on the disk, or remove contacts and groups that are not needed (remove-contact, remove-group); nobody has a group by this"
	}
	return ""
}
