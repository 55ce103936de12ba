package runner

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"

	"frostkit/relay"
	"frostkit/relay/boltstore"
	"frostkit/relay/redisstore"
)

// openStore opens the store that a --store flag names; an empty one is the
// file in the user's data folder.
func (e *Env) openStore(ctx context.Context, name string, log *slog.Logger) (relay.Store, error) {
	scheme, rest, _ := strings.Cut(name, ":")
	switch scheme {
	case "memory":
		log.Warn("the store is in memory: a restart loses sessions and messages")
		return relay.NewMemoryStore(), nil
	case "", "bolt":
		dir, err := e.boltFolder(rest)
		if err != nil {
			return nil, err
		}
		log.Info("opening the store", "folder", dir)
		store, err := boltstore.Open(dir)
		if err != nil {
			return nil, err // not a store that is nil
		}
		return store, nil
	case "redis", "rediss", "unix":
		return openRedis(ctx, name, log)
	}
	return nil, failf(ExitUsage, "unknown kind of store %q", scheme).
		hint("choose --store bolt:DIR, --store redis://HOST:PORT/DB, or --store memory")
}

// boltFolder is the folder of a file store, by default in the user's data folder.
func (e *Env) boltFolder(dir string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	dir, err := e.dataFolder("relay")
	if err != nil {
		return "", failf(ExitUsage, "finding the data folder: %w", err).hint("name a folder: --store bolt:DIR")
	}
	return dir, nil
}

func openRedis(ctx context.Context, name string, log *slog.Logger) (relay.Store, error) {
	log.Info("opening the store", "redis", redisstore.Shown(name))
	store, err := redisstore.Open(ctx, name, log)
	var network *net.OpError
	switch {
	case errors.As(err, &network) && (network.Op == "dial" || network.Timeout()):
		return nil, failf(ExitUnreachable, "%w", err).hint("is Redis running there?")
	case err != nil:
		return nil, failf(ExitInput, "%w", err)
	}
	for _, warning := range store.Warnings(ctx) {
		log.Warn(warning)
	}
	return store, nil
}

func classifyStore(err error) *Failure {
	var locked *boltstore.LockedError
	var owner *boltstore.OwnerError
	var file *boltstore.FileError
	switch {
	case errors.As(err, &locked):
		return &Failure{Code: ExitStorage, Hint: "a running relay tells what it holds on its --admin address"}
	case errors.As(err, &owner):
		return &Failure{Code: ExitStorage}
	case errors.As(err, &file):
		return &Failure{Code: ExitInput}
	}
	return nil
}
