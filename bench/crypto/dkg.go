package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"time"

	"frostkit/bench/oracle"
	"frostkit/frost"
	"frostkit/frost/dkg"
)

// generation is a key generation with derived identifiers, as frost-tools has them, of which the
// first member is measured.
type generation struct {
	size
	ids    []frost.Identifier
	round1 map[frost.Identifier][]byte // what the member receives
	round2 map[frost.Identifier][]byte
	second json.RawMessage // the member's secret after round 2, in the crates
	first  json.RawMessage // and after round 1
}

// parts are the times of one run of ours.
type parts [5]time.Duration

var partNames = [len(parts{})]string{"dkg part 1", "dkg decode round 1", "dkg part 2", "dkg decode round 2", "dkg part 3"}

// dkg measures a member of a key generation, on one thread and on two.
func (m *measurement) dkg(s size) error {
	g, err := newGeneration(s, m.crates)
	if err != nil {
		return err
	}
	rows := make([]row, len(partNames))
	for i := range rows {
		if rows[i], err = m.add(s, g.part(i)); err != nil {
			return err
		}
	}
	whole := m.sum("dkg whole", rows...)
	runtime.GOMAXPROCS(2)
	defer runtime.GOMAXPROCS(1)
	alone := contest{step: "dkg whole", ours: func() (time.Duration, error) {
		times, err := g.run(-1)
		total := time.Duration(0)
		for _, took := range times {
			total += took
		}
		return total, err
	}}
	if _, err := m.add(s, alone); err != nil {
		return err
	}
	m.rows[len(m.rows)-1].theirs = whole.theirs
	return nil
}

// part returns one part of the key generation.
func (g *generation) part(i int) contest {
	c := contest{step: partNames[i], ours: func() (time.Duration, error) {
		times, err := g.run(i)
		return times[i], err
	}}
	switch i {
	case 0:
		c.op, c.request = "part1", g.begin()
	case 1:
		c.op, c.request = "decode", fields{"type": "Round1Package", "form": "json", "inputs": inputs(g.round1)}
	case 2:
		c.op, c.request = "part2", fields{"secret": g.first, "round1": raw(g.round1)}
	case 3:
		// They take less than a microsecond each, and so are decoded again and again with nothing
		// between, as the crates do it: after the other steps the processor's caches would be measured.
		shares := make(map[frost.Identifier]*dkg.Round2Package, g.n)
		c.ours = func() (time.Duration, error) { return timed(func() error { return g.decodeShares(shares) }) }
		c.op, c.request = "decode", fields{"type": "Round2Package", "form": "json", "inputs": inputs(g.round2)}
	case 4:
		c.op, c.request = "part3", fields{"secret": g.second, "round1": raw(g.round1), "round2": raw(g.round2)}
	}
	return c
}

func (g *generation) begin() fields {
	return fields{"seed": seed, "identifier": g.ids[0], "max_signers": g.n, "min_signers": g.t}
}

func inputs(messages map[frost.Identifier][]byte) []oracle.Bytes {
	var list []oracle.Bytes
	for _, message := range messages {
		list = append(list, message)
	}
	return list
}

func raw(messages map[frost.Identifier][]byte) map[frost.Identifier]json.RawMessage {
	result := make(map[frost.Identifier]json.RawMessage)
	for id, message := range messages {
		result[id] = message
	}
	return result
}

func (g *generation) config(id frost.Identifier) dkg.Config {
	return dkg.Config{Ciphersuite: suite, Identifier: id, Participants: g.ids, Threshold: g.t}
}

// run generates a key by package frost. Allocations are counted in the part counted, or
// in all.
func (g *generation) run(part int) (times parts, err error) {
	count := counted
	counted = counter{}
	var first *dkg.Round1
	var second *dkg.Round2
	var received map[frost.Identifier]*dkg.Round1Package
	shares := make(map[frost.Identifier]*dkg.Round2Package, g.n)
	steps := [len(partNames)]func() error{
		func() error { first, err = dkg.New(g.config(g.ids[0])); return err },
		func() error { received, err = dkg.DecodeRound1PackagesJSON(suite, g.round1); return err },
		func() error { second, err = first.Next(received); return err },
		func() error { return g.decodeShares(shares) },
		func() error { _, _, err := second.Next(shares); return err },
	}
	for i, step := range steps {
		counted.before, counted.after = nil, nil
		if i == part || part < 0 && i == 0 {
			counted.before = count.before
		}
		if i == part || part < 0 && i == len(steps)-1 {
			counted.after = count.after
		}
		if times[i], err = timed(step); err != nil {
			return times, err
		}
	}
	return times, nil
}

func (g *generation) decodeShares(shares map[frost.Identifier]*dkg.Round2Package) error {
	for id, message := range g.round2 {
		share, err := dkg.DecodeRound2PackageJSON(suite, message)
		if err != nil {
			return err
		}
		shares[id] = share
	}
	return nil
}

// newGeneration runs the other members by package frost, and the first one by the crates.
func newGeneration(s size, crates *oracle.Program) (*generation, error) {
	g := &generation{size: s, round1: make(map[frost.Identifier][]byte), round2: make(map[frost.Identifier][]byte)}
	for i := range s.n {
		id, err := frost.DeriveIdentifier(suite, fmt.Append(nil, i))
		if err != nil {
			return nil, err
		}
		g.ids = append(g.ids, id)
	}
	var own struct{ Secret, Package json.RawMessage }
	if err := crates.Ask(oracle.Frost3, "part1", g.begin(), &own); err != nil {
		return nil, err
	}
	g.first = own.Secret
	packages := make(map[frost.Identifier]*dkg.Round1Package)
	var err error
	if packages[g.ids[0]], err = dkg.DecodeRound1PackageJSON(suite, own.Package); err != nil {
		return nil, err
	}
	if err := g.runOthers(packages); err != nil {
		return nil, err
	}
	var next struct{ Secret json.RawMessage }
	err = crates.Ask(oracle.Frost3, "part2", g.part(2).request, &next)
	g.second = next.Secret
	return g, err
}

// runOthers runs the other members until they have a share for the first one, whose package
// is given.
func (g *generation) runOthers(packages map[frost.Identifier]*dkg.Round1Package) error {
	open := make(map[frost.Identifier]*dkg.Round1)
	for _, id := range g.ids[1:] {
		first, err := dkg.New(g.config(id))
		if err != nil {
			return err
		}
		open[id], packages[id] = first, first.Package()
		g.round1[id] = first.Package().EncodeJSON()
	}
	for id, first := range open {
		own := packages[id]
		delete(packages, id)
		second, err := first.Next(packages)
		if err != nil {
			return err
		}
		packages[id] = own
		g.round2[id] = second.Packages()[g.ids[0]].EncodeSecretJSON()
	}
	return nil
}
