package relay

import (
	"fmt"
	"slices"
)

// carry has what the oldest records hold and still counts written again, so
// that they can be removed. What their removals removed is gone already.
func (j *journal) carry(m *MemoryStore, oldest [][]byte) error {
	for _, record := range oldest {
		if err := j.carryRecord(m, record); err != nil {
			return err
		}
	}
	return nil
}

func (j *journal) carryRecord(m *MemoryStore, record []byte) error {
	return readRows(record, func(_ int, r Row) error {
		key, value := fields{rest: r.Key}, fields{rest: r.Value}
		switch {
		case r.Table == relayTable && string(r.Key) == "secret":
			j.touch(secretName{})
		case r.Value == nil:
		case r.Table == challengeTable:
			j.touch(spentChallenge{key.id(), key.key()})
		case r.Table == tokenTable:
			j.carryToken(m, TokenHash(key.take(32)))
		case r.Table == sessionTable:
			if s := j.byNumber[key.uint64()]; s != nil {
				j.touch(s)
			}
		case r.Table == mailboxTable:
			j.carryBox(j.byNumber[key.uint64()], &key)
		case r.Table == repeatTable:
			j.carryRepeat(j.byNumber[key.uint64()], r, &key)
		case r.Table == messageTable:
			j.carryMessage(j.byNumber[value.uint64()], r, &value)
		}
		if key.broken || value.broken {
			return fmt.Errorf("reading row %x of table %q: %w", r.Key, r.Table, errRecord)
		}
		return nil
	})
}

func (j *journal) carryToken(m *MemoryStore, hash TokenHash) {
	if _, ok := m.tokens[hash]; ok {
		j.touch(hash)
	}
}

func (j *journal) carryBox(s *memorySession, key *fields) {
	if s == nil {
		return
	}
	if name, ok := s.takeBox(key); ok {
		j.touch(boxRow{s, name})
	}
}

// carryRepeat writes the row as it is: it has the place of the id among others.
func (j *journal) carryRepeat(s *memorySession, r Row, key *fields) {
	if s == nil {
		return
	}
	sender, _ := s.memberAt(key.uint16())
	if slices.Contains(s.repeats[sender], key.id()) {
		j.dirty = append(j.dirty, carriedRow{r, nil})
	}
}

// carryMessage writes the row as it is, with the body that may be nowhere else.
func (j *journal) carryMessage(s *memorySession, r Row, value *fields) {
	if s == nil {
		return
	}
	_, boxes, ok := s.takeMessage(value)
	if !ok {
		return
	}
	for _, b := range boxes {
		if i := int(b.cursor - b.acked); b.cursor > b.acked && i <= len(b.messages) {
			j.dirty = append(j.dirty, carriedRow{r, b.messages[i-1]})
			return
		}
	}
}
