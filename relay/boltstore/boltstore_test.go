package boltstore

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"frostkit/relay"
	"frostkit/relay/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	storetest.Test(t, storetest.Subject{
		Open: func(t *testing.T) (relay.Store, func(*testing.T) relay.Store) {
			dir := t.TempDir()
			return openStore(t, dir), func(t *testing.T) relay.Store { return openStore(t, dir) }
		},
		Restarts: true,
		Run:      synctest.Test,
		Unit:     time.Second,
	})
}

func openStore(t testing.TB, dir string) *relay.DurableStore {
	t.Helper()
	store, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return store
}
