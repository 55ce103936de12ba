// Package redisstore keeps a relay's state in Redis, so that any number of
// relays serve it together, each call by any of them.
//
// What a call does is one script, which Redis runs as a whole: no relay holds a
// lock, and a relay that dies leaves nothing half done. Every script can be run
// twice: where a relay does not know whether Redis has run it, it asks again.
// What was sent is as durable as Redis is told to be: with "appendonly yes" and
// "appendfsync always" it is on the disk before the call returns. Everything is
// stored with its time of expiry, so that Redis forgets it without a relay.
package redisstore

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"frostkit/relay"
)

// format names this layout of the keys.
const format = "frostkit relay 1"

// Store is a [relay.Store] in Redis.
type Store struct {
	client *redis.Client
	prefix string
	log    *slog.Logger

	patience time.Duration // how long a call waits for a Redis that is restarted
	away     atomic.Bool   // Redis did not do what it was last asked
	failing  atomic.Bool   // the last change failed
	wakers   relay.Wakers
	stop     context.CancelFunc
	done     chan struct{}
}

var (
	_ relay.Store    = (*Store)(nil)
	_ relay.Counter  = (*Store)(nil)
	_ relay.Writable = (*Store)(nil)
)

// Open connects to the Redis of a URL: redis://[USER[:PASSWORD]@]HOST:PORT/DB,
// rediss:// for TLS, or unix://PATH?db=DB. In place of a password in the URL,
// the parameter password-file names a file that has it. It fails if Redis
// cannot be reached, or its database holds a relay's state of another version.
// The log says when Redis goes away and comes back, and for debugging what its
// library says, which knows one log for the whole process.
func Open(ctx context.Context, url string, log *slog.Logger) (*Store, error) {
	options, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	redis.SetLogger(libraryLog{log})
	s := &Store{
		client:   redis.NewClient(options),
		prefix:   fmt.Sprintf("{frostkit:%d}", options.DB),
		log:      log,
		patience: patience,
		done:     make(chan struct{}),
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the relay's state in Redis at %s: %w", options.Addr, explained(options, err)), s.client.Close())
	}
	return s, nil
}

// settings change what the URL leaves open.
func settings(options *redis.Options) {
	// The library repeats a command on the connection that broke, where it sets
	// one up; the store has its own way to try again.
	options.MaxRetries = -1
	options.DialerRetries = 1
	options.ContextTimeoutEnabled = true
	// Asked of a Redis that does not know them, these are errors in its log.
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	options.DisableIdentity = true
}

const (
	// patience is that of a [Store].
	patience = 10 * time.Second
	// longestPause is the longest time between two tries.
	longestPause = 200 * time.Millisecond
)

// retry calls try until Redis has answered for good, for as long as patience lasts; then
// it fails with a [relay.AwayError].
func (s *Store) retry(ctx context.Context, try func() error) error {
	start := time.Now()
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, longestPause) {
		err := try()
		answered := err == nil || isAnswer(err)
		s.note(ctx, answered, err)
		switch {
		case answered:
			return err
		case time.Since(start)+pause > s.patience:
			return &relay.AwayError{Err: err}
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// note logs when Redis goes away, and when it is back.
func (s *Store) note(ctx context.Context, answered bool, err error) {
	switch {
	case ctx.Err() != nil: // the caller has gone, not Redis
	case answered && s.away.Load() && s.away.CompareAndSwap(true, false):
		s.log.Info("Redis serves again")
	case !answered && s.away.CompareAndSwap(false, true):
		s.log.Warn("Redis does not serve; calls wait for it", "error", err)
	}
}

// libraryLog is where the library of Redis logs to: each connection that fails is
// a line there.
type libraryLog struct{ log *slog.Logger }

// Printf logs a line.
func (l libraryLog) Printf(ctx context.Context, format string, v ...any) {
	if l.log.Enabled(ctx, slog.LevelDebug) {
		l.log.DebugContext(ctx, "redis: "+fmt.Sprintf(format, v...))
	}
}

// passing are the errors of a Redis that is being started, fails over, is without what it needs, or is busy: what was
// asked was not done, and may be done soon.
var passing = []string{
	"LOADING", "MASTERDOWN", "READONLY", "CLUSTERDOWN", "TRYAGAIN", "MISCONF", "OOM", "NOREPLICAS", "BUSY",
}

// isAnswer reports whether an error is an answer of Redis that does not change
// by waiting.
func isAnswer(err error) bool {
	var answer redis.Error
	if !errors.As(err, &answer) {
		return errors.Is(err, redis.Nil) || errors.Is(err, redis.ErrClosed)
	}
	return !slices.ContainsFunc(passing, func(prefix string) bool { return redis.HasErrorPrefix(err, prefix) })
}

func (s *Store) start(ctx context.Context) error {
	key := s.prefix + ":format"
	if err := s.client.SetNX(ctx, key, format, 0).Err(); err != nil {
		return err
	}
	found, err := s.client.Get(ctx, key).Result()
	switch {
	case err != nil:
		return err
	case found != format:
		return fmt.Errorf("it has format %q, and this version reads %q: take another database", found, format)
	}
	subscription := s.client.Subscribe(ctx, s.prefix+":wake")
	if _, err := subscription.Receive(ctx); err != nil {
		return errors.Join(err, subscription.Close())
	}
	background, stop := context.WithCancel(context.Background())
	s.stop = stop
	go s.listen(background, subscription)
	return nil
}

// listen wakes who waits in this process. Whenever the subscription is made
// anew, something may have been missed: then all look again.
func (s *Store) listen(ctx context.Context, subscription *redis.PubSub) {
	defer close(s.done)
	defer subscription.Close()
	events := subscription.ChannelWithSubscriptions(
		redis.WithChannelSize(1024), redis.WithChannelHealthCheckInterval(3*time.Second))
	for {
		select {
		case <-ctx.Done():
			return
		case event, open := <-events:
			if !open {
				return
			}
			switch event := event.(type) {
			case *redis.Subscription:
				s.wakers.WakeAll()
			case *redis.Message:
				s.wake(event.Payload)
			}
		}
	}
}

// topicSize is the length of a topic as the scripts publish it.
const topicSize = 16 + 32 + 1

func (s *Store) wake(topics string) {
	for ; len(topics) >= topicSize; topics = topics[topicSize:] {
		topic := relay.Topic{Coordinator: topics[topicSize-1] == 'c'}
		copy(topic.Session[:], topics)
		copy(topic.Owner[:], topics[16:])
		s.wakers.Wake(topic)
	}
}

// Close implements [relay.Store].
func (s *Store) Close() error {
	s.stop()
	<-s.done
	return s.client.Close()
}

// Warnings says what of the server's settings loses messages, as far as the
// server tells.
func (s *Store) Warnings(ctx context.Context) []string {
	var out []string
	for setting, want := range map[string]string{
		"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction",
	} {
		if got := s.client.ConfigGet(ctx, setting).Val()[setting]; got != "" && got != want {
			out = append(out, fmt.Sprintf("Redis has %q set to %q: with %q it loses nothing that was acknowledged", setting, got, want))
		}
	}
	slices.Sort(out)
	return out
}

// Watch implements [relay.Store].
func (s *Store) Watch(topic relay.Topic) (<-chan struct{}, func()) { return s.wakers.Watch(topic) }

// scripts by name, each behind what they share. Redis looks before it runs one
// whether its memory is full: then those that add are refused, and those run that
// deliver, that free memory, or without which a member cannot ask for either.
var scripts = sync.OnceValue(func() map[string]*redis.Script {
	out := map[string]*redis.Script{}
	for name, text := range map[string]string{"create": createLua, "send": sendLua} {
		out[name] = redis.NewScript("#!lua\n" + commonLua + text)
	}
	for name, text := range map[string]string{
		"challenge": challengeLua, "token": tokenLua, "logout": logoutLua, "sessions": sessionsLua,
		"leave": leaveLua, "close": closeLua, "receive": receiveLua, "stats": statsLua,
	} {
		out[name] = redis.NewScript("#!lua flags=allow-oom\n" + commonLua + text)
	}
	return out
})

//nolint:gochecknoglobals // the texts of the scripts
var (
	//go:embed lua/common.lua
	commonLua string
	//go:embed lua/challenge.lua
	challengeLua string
	//go:embed lua/token.lua
	tokenLua string
	//go:embed lua/logout.lua
	logoutLua string
	//go:embed lua/create.lua
	createLua string
	//go:embed lua/sessions.lua
	sessionsLua string
	//go:embed lua/leave.lua
	leaveLua string
	//go:embed lua/close.lua
	closeLua string
	//go:embed lua/send.lua
	sendLua string
	//go:embed lua/receive.lua
	receiveLua string
	//go:embed lua/stats.lua
	statsLua string
)

// run runs a script.
func (s *Store) run(ctx context.Context, name string, args ...any) (cmd *redis.Cmd) {
	err := s.retry(ctx, func() error {
		cmd = scripts()[name].Run(ctx, s.client, []string{s.prefix}, args...)
		return cmd.Err()
	})
	cmd.SetErr(err)
	return cmd
}

// get reads a key; it fails with [redis.Nil] if there is none.
func (s *Store) get(ctx context.Context, key string) (value []byte, err error) {
	err = s.retry(ctx, func() error {
		value, err = s.client.Get(ctx, s.prefix+":"+key).Bytes()
		return err
	})
	return value, err
}

// outcomes are the errors by the names that scripts give them.
var outcomes = map[string]error{
	"ok":           nil,
	"unauthorized": relay.ErrUnauthorized,
	"session":      relay.ErrSessionNotFound,
	"creator":      relay.ErrCreatorFull,
	"member":       relay.ErrMemberFull,
	"session-full": relay.ErrSessionFull,
	"queue":        relay.ErrQueueFull,
	"total":        relay.ErrDiskFull,
	"key-full":     relay.ErrKeyFull,
	"address-full": relay.ErrAddressFull,
}

// change runs a script that answers with an outcome.
func (s *Store) change(ctx context.Context, name string, args ...any) error {
	text, err := s.run(ctx, name, args...).Text()
	if ctx.Err() == nil {
		s.failing.Store(err != nil)
	}
	if err != nil {
		return failure(name, err)
	}
	outcome, known := outcomes[text]
	if !known {
		return failure(name, fmt.Errorf("unexpected answer %q", text))
	}
	return outcome
}

// Writable implements [relay.Writable].
func (s *Store) Writable() bool { return !s.failing.Load() }

func failure(name string, err error) error { return fmt.Errorf("asking Redis (%s): %w", name, err) }

// call returns a name for one call, by which a script that runs twice knows it.
func call() string {
	id := uuid.New()
	return string(id[:])
}

// Secret implements [relay.Store].
func (s *Store) Secret(ctx context.Context) (secret [32]byte, err error) {
	_, _ = rand.Read(secret[:]) // never fails
	err = s.retry(ctx, func() error { return s.client.SetNX(ctx, s.prefix+":secret", secret[:], 0).Err() })
	if err != nil {
		return secret, failure("secret", err)
	}
	found, err := s.get(ctx, "secret")
	if err == nil && len(found) != len(secret) {
		err = fmt.Errorf("it is of %d bytes", len(found))
	}
	if err != nil {
		return secret, failure("secret", err)
	}
	copy(secret[:], found)
	return secret, nil
}

// SpendChallenge implements [relay.Store].
func (s *Store) SpendChallenge(ctx context.Context, challenge uuid.UUID, owner relay.Key, life time.Duration) error {
	return s.change(ctx, "challenge", slices.Concat(challenge[:], owner[:]), life.Milliseconds(), call())
}

// AddToken implements [relay.Store].
func (s *Store) AddToken(ctx context.Context, token relay.TokenHash, owner relay.Key, from relay.Networks, limits *relay.Limits) error {
	return s.change(ctx, "token", token[:], owner[:], limits.TokenLife.Milliseconds(), limits.TokensPerKey,
		relay.TokenCost, limits.DiskBytes, networks(from), limits.KeyStored, limits.AddressStored)
}

// networks writes what limits by address count by as scripts read it: the near one,
// and the far one.
func networks(from relay.Networks) string {
	var out []string
	for _, network := range []netip.Addr{from.Near, from.Far} {
		if network.IsValid() {
			out = append(out, network.String())
		}
	}
	return strings.Join(out, " ")
}

// Token implements [relay.Store].
func (s *Store) Token(ctx context.Context, token relay.TokenHash) (owner relay.Key, err error) {
	found, err := s.get(ctx, "token:"+string(token[:]))
	switch {
	case errors.Is(err, redis.Nil):
		return owner, relay.ErrUnauthorized
	case err != nil:
		return owner, failure("token", err)
	}
	copy(owner[:], found)
	return owner, nil
}

// RemoveToken implements [relay.Store].
func (s *Store) RemoveToken(ctx context.Context, token relay.TokenHash) error {
	return s.change(ctx, "logout", token[:])
}

// Stats implements [relay.Counter].
func (s *Store) Stats(ctx context.Context) (relay.Stats, error) {
	n, err := s.run(ctx, "stats", relay.TokenCost).Int64Slice()
	if err != nil || len(n) != 4 {
		return relay.Stats{}, failure("stats", err)
	}
	return relay.Stats{Tokens: int(n[0]), Sessions: int(n[1]), Messages: int(n[2]), Bytes: n[3]}, nil
}

// joined returns keys one after another.
func joined(keys []relay.Key) string {
	var b strings.Builder
	for i := range keys {
		b.Write(keys[i][:])
	}
	return b.String()
}
