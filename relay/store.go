package relay

// Store holds a relay's state.
type Store interface {
	// Close releases the store's resources.
	Close() error
}

// MemoryStore is a [Store] in memory.
type MemoryStore struct{}

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore { return &MemoryStore{} }

// Close does nothing.
func (*MemoryStore) Close() error { return nil }
