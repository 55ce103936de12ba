package boltstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"go.etcd.io/bbolt"

	"frostkit/relay"
)

// logBucket has the records under their numbers, 8 bytes big-endian, each with a
// checksum after it.
var logBucket = []byte("log")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errChecksum says that something is not as it was written.
var errChecksum = errors.New("a checksum is wrong")

const checksumSize = 4

func recordKey(number uint64) []byte { return binary.BigEndian.AppendUint64(nil, number) }

// seal returns a record as the file has it.
func seal(key, record []byte) []byte {
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, record)
	return binary.BigEndian.AppendUint32(record, sum)
}

// unseal returns the record of the file.
func unseal(key, sealed []byte) ([]byte, error) {
	split := len(sealed) - checksumSize
	if len(key) != 8 || split < 0 {
		return nil, fmt.Errorf("record %x: %w", key, errChecksum)
	}
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, sealed[:split])
	if sum != binary.BigEndian.Uint32(sealed[split:]) {
		return nil, fmt.Errorf("record %d: %w", binary.BigEndian.Uint64(key), errChecksum)
	}
	return sealed[:split:split], nil
}

// eachRecord calls yield with all records.
func eachRecord(tx *bbolt.Tx, yield func(number uint64, record []byte) error) error {
	bucket := tx.Bucket(logBucket)
	if bucket == nil {
		return errors.New("it has no log")
	}
	next := uint64(0)
	return bucket.ForEach(func(key, sealed []byte) error {
		record, err := unseal(key, sealed)
		if err != nil {
			return err
		}
		number := binary.BigEndian.Uint64(key)
		if next != 0 && number != next {
			return fmt.Errorf("record %d is missing", next)
		}
		next = number + 1
		return yield(number, record)
	})
}

// change makes the log what a commit says.
func change(tx *bbolt.Tx, c relay.Commit) error {
	bucket := tx.Bucket(logBucket)
	bucket.FillPercent = 1 // numbers ascend
	cursor := bucket.Cursor()
	for key, _ := cursor.First(); key != nil && binary.BigEndian.Uint64(key) < c.First; key, _ = cursor.First() {
		if err := cursor.Delete(); err != nil {
			return err
		}
	}
	for key, _ := cursor.Last(); key != nil && binary.BigEndian.Uint64(key) >= c.Number; key, _ = cursor.Last() {
		if err := cursor.Delete(); err != nil {
			return err
		}
	}
	for i, record := range c.Records {
		key := recordKey(c.Number + uint64(i))
		if err := bucket.Put(key, seal(key, record)); err != nil {
			return err
		}
	}
	return nil
}
