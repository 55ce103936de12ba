package boltstore

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"go.etcd.io/bbolt"

	"frostkit/relay"
)

// oldFormat has a bucket for each table, with the rows under their keys, each
// with a checksum of table, key and value after it.
const oldFormat = "frostkit relay 1"

func oldUnseal(table string, key, sealed []byte) ([]byte, error) {
	split := len(sealed) - checksumSize
	if split >= 0 {
		sum := crc32.Checksum([]byte(table), castagnoli)
		sum = crc32.Update(crc32.Update(sum, castagnoli, key), castagnoli, sealed[:split])
		if sum == binary.BigEndian.Uint32(sealed[split:]) {
			return sealed[:split:split], nil
		}
	}
	return nil, fmt.Errorf("row %x of table %q: %w", key, table, errChecksum)
}

// oldRecordSize is how long the records are that old rows are put into.
const oldRecordSize = 64 << 10

// eachOldRecord calls yield with the rows of an old file, as records.
func eachOldRecord(tx *bbolt.Tx, yield func(number uint64, record []byte) error) error {
	number := uint64(1)
	var record []byte
	for _, table := range relay.Tables() {
		bucket := tx.Bucket([]byte(table))
		if bucket == nil {
			return fmt.Errorf("table %q is missing", table)
		}
		err := bucket.ForEach(func(key, sealed []byte) error {
			value, err := oldUnseal(table, key, sealed)
			if err != nil {
				return err
			}
			record = relay.Row{Table: table, Key: key, Value: value}.Append(record)
			if len(record) < oldRecordSize {
				return nil
			}
			full := record
			record = nil
			number++
			return yield(number-1, full)
		})
		if err != nil {
			return err
		}
	}
	if len(record) == 0 {
		return nil
	}
	return yield(number, record)
}
