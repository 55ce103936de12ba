package keyring

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"frostkit/internal/durable"
	"frostkit/internal/files"
)

// ErrNoRoom is what [File.ReserveGroup] fails with when a new group cannot be stored.
var ErrNoRoom = errors.New("no room for a new group")

// Place is room on the disk for a group that is being made, in a file beside the
// credentials: "NAME.toml.unsaved-TEXT" for "NAME.toml". It is taken before the first message
// leaves, so that a group which the others have is stored here too, whatever has become of the
// credentials file and of the disk meanwhile.
type Place struct {
	credentials File
	at          files.Place
	file        *os.File
	release     func()
	kept        bool // the file holds a group that the credentials lack
}

// UnsavedError says that a group could not be added to the credentials, and which file keeps it
// until [File.SaveUnsaved] can.
type UnsavedError struct {
	Credentials, Path string
	Err               error
}

// Error says where the group is.
func (e *UnsavedError) Error() string {
	return fmt.Sprintf("%v; the group and this member's share of it are kept in %q", e.Err, e.Path)
}

// Unwrap returns why the group could not be added.
func (e *UnsavedError) Unwrap() error { return e.Err }

const unsavedMark = ".unsaved-"

// GroupSize returns how many bytes a group of this many members with such a description and such
// a relay takes in a credentials file at most.
func GroupSize(members int, description, server string) int {
	const common, each, escaped = 2048, 768, len(`\u0000`)
	return common + members*each + escaped*(len(description)+len(server))
}

// ReserveGroup takes room for a group of size bytes ([GroupSize]). It fails with an [ErrNoRoom] when the
// credentials would grow beyond what can be read, or the disk cannot take the group and the
// credentials with it once more, which is how they are replaced. The caller closes the place.
func (f File) ReserveGroup(size int) (*Place, error) {
	target, err := f.prepare()
	if err != nil {
		return nil, fmt.Errorf("making room for the group: %w", err)
	}
	now, err := checkSize(target, size)
	if err != nil {
		return nil, err
	}
	text := strings.ToLower(rand.Text()[:8])
	release, err := f.Reserve(strings.TrimPrefix(unsavedMark, ".") + text)
	if err != nil {
		return nil, fmt.Errorf("making room for the group: %w", err)
	}
	p := &Place{credentials: f, at: target.Plus(unsavedMark + text), release: release}
	if err := p.take(size, now); err != nil {
		release()
		return nil, fmt.Errorf("%w beside %q: %w", ErrNoRoom, f.Path(), err)
	}
	return p, nil
}

// CheckSize fails with an [ErrNoRoom] when credentials would grow beyond what can be read by a group of
// size bytes.
func (f File) CheckSize(size int) error {
	target, err := f.resolved()
	if err == nil {
		_, err = checkSize(target, size)
	}
	return err
}

// checkSize is [File.CheckSize] that returns how large the file is, 0 where there is none.
func checkSize(target files.Place, more int) (size int64, err error) {
	info, err := target.Stat()
	if err == nil {
		size = info.Size()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("making room for the group: %w", err)
	}
	if size+int64(more) > maxFileSize {
		return 0, fmt.Errorf("%w: %q has %d bytes and %d more are needed, above the limit of %d MiB",
			ErrNoRoom, target.Path, size, more, maxFileSize>>20)
	}
	return size, nil
}

// take fills a new file with blanks: size bytes stay, as many as the credentials have are given back.
func (p *Place) take(size int, credentials int64) error {
	f, err := p.at.In.OpenFile(p.at.Name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	disk := durable.In(p.at.In)
	_, err = f.Write(bytes.Repeat([]byte("\n"), size+int(credentials)))
	if err == nil {
		err = disk.Sync(f)
	}
	if err == nil {
		err = f.Truncate(int64(size))
	}
	if err == nil {
		err = disk.SyncFolder(filepath.Dir(p.at.Name))
	}
	if err != nil {
		return errors.Join(err, f.Close(), p.at.Remove())
	}
	p.file = f
	return nil
}

// Save stores a group in the place and then adds it to the credentials. Where only that fails,
// the error is an [UnsavedError]. It takes the share over, and the group has only what is public afterwards.
func (p *Place) Save(ctx context.Context, g *Group) error {
	defer g.secret.destroy()
	if err := p.keep(g); err != nil {
		return fmt.Errorf("storing the group in %q: %w", p.at.Path, err)
	}
	err := p.credentials.Update(ctx, func(k *Keyring) error { return k.AddGroup(g.clone()) })
	if err != nil {
		return &UnsavedError{Credentials: p.credentials.Path(), Path: p.at.Path, Err: err}
	}
	p.kept = false
	return nil
}

// keep writes over the blanks: a new file might find no room on the disk.
func (p *Place) keep(g *Group) error {
	k := newKeyring(p.credentials.Path())
	k.groups[g.id] = g
	text := k.encode()
	defer clear(text)
	if _, err := p.file.WriteAt(text, 0); err != nil {
		return err
	}
	p.kept = true
	return durable.System.Sync(p.file)
}

// Close gives the room back, unless it keeps a group that the credentials lack.
func (p *Place) Close() error {
	defer p.release()
	err := p.file.Close()
	if !p.kept {
		err = errors.Join(err, p.at.Remove())
	}
	return err
}

// SaveUnsaved adds to the credentials the groups that are kept in files beside them
// ([UnsavedError]), and returns them. Files of processes that are still at work are left alone.
func (f File) SaveUnsaved(ctx context.Context) ([]*Group, error) {
	target, err := f.resolved()
	if err != nil {
		return nil, fmt.Errorf("looking for groups that are not saved: %w", err)
	}
	var saved []*Group
	for _, kept := range placesOf(target) {
		groups, err := f.saveUnsaved(ctx, kept, strings.TrimPrefix(kept.Name, target.Name+unsavedMark))
		saved = append(saved, groups...)
		if err != nil {
			return saved, err
		}
	}
	return saved, nil
}

// placesOf lists the places beside a credentials file; a folder that cannot be listed has none.
func placesOf(target files.Place) []files.Place {
	var places []files.Place
	for _, name := range target.Dir().Names() {
		if strings.HasPrefix(name, filepath.Base(target.Name)+unsavedMark) {
			places = append(places, target.Beside(name))
		}
	}
	return places
}

// Unsaved lists the files beside the credentials that keep groups which [File.SaveUnsaved] would add.
func (f File) Unsaved() []string {
	target, err := f.resolved()
	if err != nil {
		return nil
	}
	var paths []string
	for _, kept := range placesOf(target) {
		data, _, err := kept.Read(maxFileSize)
		if err == nil && len(bytes.TrimSpace(data)) > 0 {
			paths = append(paths, kept.Path)
		}
		clear(data)
	}
	return paths
}

func (f File) saveUnsaved(ctx context.Context, kept files.Place, mark string) ([]*Group, error) {
	release, err := f.Reserve(strings.TrimPrefix(unsavedMark, ".") + mark)
	if errors.Is(err, ErrLocked) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer release()
	data, _, err := kept.Read(maxFileSize)
	if err != nil {
		return nil, err
	}
	defer clear(data)
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, kept.Remove()
	}
	k, err := decode(kept.Path, data)
	if err != nil {
		return nil, err
	}
	defer k.Destroy()
	groups := k.Groups()
	err = f.Update(ctx, func(k *Keyring) error { return addAll(k, groups) })
	if err != nil {
		return nil, &UnsavedError{Credentials: f.Path(), Path: kept.Path, Err: err}
	}
	return groups, kept.Remove()
}

func addAll(k *Keyring, groups []*Group) error {
	for _, g := range groups {
		if err := k.AddGroup(g.clone()); err != nil {
			return err
		}
	}
	return nil
}

// clone returns a group with a share of its own, for a keyring that wipes it.
func (g *Group) clone() *Group {
	c := *g
	c.secret = newSecret(bytes.Clone(g.secret.bytes()))
	return &c
}
