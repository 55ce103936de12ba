// Package relaykill kills relays, and the Redis behind them, at random points,
// and looks for what they lose.
//
// FROSTKIT_KILLS is how many times each test kills (25 if it is not set),
// FROSTKIT_SEED the seed of the points in time.
package relaykill

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"frostkit/relay/localca"
	"frostkit/relay/redisstore/redistest"
)

// resumption is how soon messages go on after a restart, and ceremonies after a
// kill.
const resumption = 5 * time.Second

// setting returns a number of the environment.
func setting(t *testing.T, name string, fallback int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("reading %s: %v", name, err)
	}
	return n
}

// scene is what runs while processes are killed.
type scene struct {
	relays     []*relayProcess
	load       *load
	ceremonies *ceremonies
	random     *rand.Rand
	restarting time.Duration // from a kill until what was killed is there again, at most
	slowest    time.Duration // from then to the next message that arrives, at most
}

// killing starts as many relays over the store, and members who talk and hold
// ceremonies through them; then calls strike, which kills something and starts
// it again, at random points in time; and in the end wants everything to have
// arrived.
func killing(t *testing.T, store string, relays int, strike func(*scene) error) {
	seed := setting(t, "FROSTKIT_SEED", 1)
	kills := setting(t, "FROSTKIT_KILLS", 25)
	s, balancer := newScene(t, store, relays, uint64(seed))
	stop, end := context.WithCancel(t.Context())
	defer end()
	arrived := s.load.start(t, 8, stop)
	var holding sync.WaitGroup
	holding.Go(func() { s.ceremonies.loop(t, stop) })
	start := time.Now()
	struck := 0
	for ; struck < kills && !t.Failed(); struck++ {
		if err := s.strikeOnce(strike); err != nil {
			t.Errorf("kill %d: %v", struck+1, err)
		}
	}
	end()
	arrived()
	holding.Wait()
	took := time.Since(start)
	for _, r := range s.relays {
		r.kill()
		if t.Failed() {
			t.Logf("the relay at %s said last:\n%s", r.address, r.log)
		}
	}
	balancer.close()
	c := s.ceremonies
	t.Logf("seed %d: %d kills in %v; %d messages acknowledged, %d arrived, restarted in %v, next message %v later at most; "+
		"%d ceremonies, %d struck, done at most %v after the last kill, %d times run again",
		seed, struck, took.Round(time.Second), s.load.sent.Load(), s.load.got.Load(), s.restarting.Round(time.Millisecond), s.slowest.Round(time.Millisecond),
		c.done, c.struck, c.longest.Round(time.Millisecond), c.again)
	if s.slowest > resumption || c.longest > resumption {
		t.Errorf("resumed later than after %v", resumption)
	}
	if c.struck == 0 || s.load.got.Load() < s.load.sent.Load() {
		t.Error("no ceremony was struck, or messages are missing")
	}
}

func newScene(t *testing.T, store string, relays int, seed uint64) (*scene, *balancer) {
	t.Helper()
	program, folder := buildProgram(t), t.TempDir()
	ca, _, err := localca.LoadOrCreate(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"CAROOT=" + folder, "HOME=" + folder}
	s := &scene{random: rand.New(rand.NewPCG(seed, 0))}
	for range relays {
		r := newRelayProcess(t, program, store, env)
		if err := r.start(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.relays = append(s.relays, r)
	}
	b := newBalancer(t, s.relays)
	s.load = &load{url: b.url(), root: ca.Certificate(), moving: make(chan struct{}, 1)}
	s.ceremonies = &ceremonies{program: program, folder: folder, url: b.url(), env: env}
	return s, b
}

// strikeOnce lets everything run for a while, strikes, and waits until messages
// arrive again.
func (s *scene) strikeOnce(strike func(*scene) error) error {
	time.Sleep(time.Duration(s.random.Int64N(int64(200 * time.Millisecond)))) // the random point in time
	killed := time.Now()
	s.ceremonies.note()
	if err := strike(s); err != nil {
		return err
	}
	up := time.Now() // Redis reads all that it has before it answers
	s.restarting = max(s.restarting, up.Sub(killed))
	select { // a message that arrived before the kill
	case <-s.load.moving:
	default:
	}
	select {
	case <-s.load.moving:
		s.slowest = max(s.slowest, time.Since(up))
		return nil
	case <-time.After(4 * resumption):
		return context.DeadlineExceeded
	}
}

// restart kills one of the relays and starts it again.
func (s *scene) restart() error {
	r := s.relays[s.random.IntN(len(s.relays))]
	r.kill()
	ctx, cancel := context.WithTimeout(context.Background(), 4*resumption)
	defer cancel()
	return r.start(ctx)
}

func TestKillOverBolt(t *testing.T) {
	killing(t, "bolt:"+filepath.Join(t.TempDir(), "data"), 1, (*scene).restart)
}

// Two relays are behind a balancer; every third kill is of the Redis behind both.
func TestKillOverRedis(t *testing.T) {
	server := redistest.Start(t)
	killing(t, server.URL(0), 2, func(s *scene) error {
		if s.random.IntN(3) > 0 {
			return s.restart()
		}
		server.Kill()
		return server.Restart()
	})
}
