package runner

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"frostkit/internal/lockfile"
)

// endAtHangup has a closed terminal end what goes on, as an interrupt does. Under nohup it does not,
// and a relay reads its files again instead. More hangups, which shells and the system send for
// one window, change nothing.
func (e *Env) endAtHangup(command *kong.Context) (stop func()) {
	if signal.Ignored(syscall.SIGHUP) || e.runsRelay(command) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(e.Context)
	e.Context = ctx
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		select {
		case <-hangups:
			cancel()
		case <-ctx.Done():
		}
	}()
	return func() { signal.Stop(hangups); cancel() }
}

func (e *Env) runsRelay(command *kong.Context) bool {
	if e.called == frostd {
		return true
	}
	selected := command.Selected()
	if selected == nil || !selected.Target.CanAddr() {
		return false
	}
	_, relay := selected.Target.Addr().Interface().(*relayCommand)
	return relay
}

// tellWaits has whoever waits for a lock say so.
func (e *Env) tellWaits() {
	e.Context = lockfile.TellWaits(e.Context, func(path string, holder int) {
		who := "another program"
		if holder != 0 {
			who = fmt.Sprintf("process %d", holder)
		}
		e.say("Waiting for %s, which has locked %q", who, path)
	})
}
