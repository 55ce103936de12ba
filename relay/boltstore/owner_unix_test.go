//go:build unix

package boltstore

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// nobody is a user who is not the superuser.
const nobody = 65534

// What root leaves in the folder of another user's relay, that relay cannot open.
func TestRootLeavesOthersFilesAlone(t *testing.T) {
	dir := filled(t)
	path := filepath.Join(dir, fileName)
	if err := os.Remove(filepath.Join(dir, lockName)); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		if err := checkOwner(path, 0); !isOwnerError(err) {
			t.Errorf("root on a file of user %d: %v", os.Geteuid(), err)
		}
		return
	}
	if err := os.Chown(path, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	_, _, inspectErr := Inspect(dir)
	_, _, compactErr := Compact(dir)
	_, openErr := Open(dir)
	for _, err := range []error{inspectErr, compactErr, openErr} {
		if !isOwnerError(err) {
			t.Errorf("root on a file of user %d: %v", nobody, err)
		}
	}
	after, err := os.Stat(path)
	entries, listErr := os.ReadDir(dir)
	if err := errors.Join(err, listErr); err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) || len(entries) != 1 {
		t.Errorf("the file was changed, or the folder has more: %v", entries)
	}
	if err := errors.Join(checkOwner(path, nobody), os.Chown(path, 0, 0), checkOwner(path, 0), checkOwner(dir+"/none", 0)); err != nil {
		t.Error(err)
	}
}

func isOwnerError(err error) bool {
	var owner *OwnerError
	return errors.As(err, &owner)
}
