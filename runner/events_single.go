package runner

import (
	"cmp"
	"errors"

	"frostkit/ceremony"
	"frostkit/commkey"
	"frostkit/keyring"
	"frostkit/runner/steps"
)

// single is what a command tells of itself that does one step of one member.
type single struct {
	command     string
	ring        *keyring.Keyring
	coordinator bool
	members     []string // who takes part, as far as that is known beforehand
	step        ceremony.Step
}

// namesOf names members by their keys.
func namesOf(k *keyring.Keyring, keys []commkey.PublicKey) []string {
	known := lookup(k, steps.Peer{Name: ownName(k), Key: k.Key().Public()})
	names := make([]string, len(keys))
	for i, key := range keys {
		name, _ := known(key)
		names[i] = cmp.Or(name, key.String())
	}
	return names
}

// self is what the member is called in the stream.
func (s single) self() string { return ownName(s.ring) }

// stream streams what a single command does, which tells it by watch.
func (f *eventsFlag) stream(e *Env, asJSON bool, s single, run func(watch func(steps.Notice)) error) error {
	log, closeLog, err := f.open(e, asJSON, false)
	if err != nil {
		return err
	}
	log.write(eventLine{Event: "begin", beginEvent: &beginEvent{
		Command: s.command, Protocol: ceremony.FrostClient, Members: append([]string{}, s.members...), Here: []string{s.self()}, Steps: 1,
	}})
	log.stepped(1, s.step, stepStarted)
	err = run(func(n steps.Notice) { log.noticed(s.self(), s.coordinator, n) })
	state := stepDone
	if err != nil {
		state = stepFailed
	}
	log.stepped(1, s.step, state)
	return errors.Join(log.end(err), closeLog())
}
