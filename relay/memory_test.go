package relay_test

import (
	"testing"
	"testing/synctest"
	"time"

	"frostkit/relay"
	"frostkit/relay/storetest"
)

func TestMemoryStore(t *testing.T) {
	storetest.Test(t, storetest.Subject{
		Open: func(*testing.T) (relay.Store, func(*testing.T) relay.Store) { return relay.NewMemoryStore(), nil },
		Run:  synctest.Test,
		Unit: time.Second,
	})
}
