package ceremony

import "slices"

// Groups and signings are the steps that after: orders. Here they are numbered:
// the groups from 0, then the signings, in the file's order.

// needs is one mention of a step by another.
type needs struct {
	step int
	pos  Position
}

// ordered checks what after: says, and puts the steps into the order in which
// they are taken: that of the file, as far as after: lets it.
func (r *reader) ordered() {
	named := r.stepNames()
	before := make([][]needs, len(r.file.Groups)+len(r.file.Sign))
	for i := range before {
		before[i] = r.stepsBefore(i, named)
	}
	taken := make([]bool, len(before))
	for range before {
		next := nextStep(before, taken)
		if next < 0 {
			r.cycle(before, taken)
			return
		}
		taken[next] = true
		r.file.order = append(r.file.order, next)
	}
}

// nextStep returns the first step that is not taken and waits for none, or -1.
func nextStep(before [][]needs, taken []bool) int {
	for i, all := range before {
		if !taken[i] && !slices.ContainsFunc(all, func(n needs) bool { return !taken[n.step] }) {
			return i
		}
	}
	return -1
}

// stepNames returns the steps by their names, after reporting those whose name
// another one has.
func (r *reader) stepNames() map[string]int {
	named := map[string]int{}
	for i, g := range r.file.Groups {
		if g.Name != "" {
			named[g.Name] = i
		}
	}
	for i, s := range r.file.Sign {
		if _, taken := named[s.Name]; taken {
			r.report(s.Pos, "name each group and signing otherwise", "signing %d has the name %s, which is taken", i+1, quote(s.Name))
		} else if s.Name != "" {
			named[s.Name] = len(r.file.Groups) + i
		}
	}
	return named
}

// stepsBefore returns the steps that come before another one.
func (r *reader) stepsBefore(step int, named map[string]int) []needs {
	var before []needs
	after, positions, opener := r.step(step)
	if i := step - len(r.file.Groups); i >= 0 {
		group := slices.IndexFunc(r.file.Groups, func(g Group) bool { return g.Name == r.file.Sign[i].Group })
		if group >= 0 {
			before = append(before, needs{group, r.file.Sign[i].Pos})
		}
	}
	for i, name := range after {
		other, known := named[name]
		if !known {
			r.report(positions[i], r.suggest(name, sortedKeys(named)), "after names %s, which is neither a group nor a signing", quote(name))
			continue
		}
		before = append(before, needs{other, positions[i]})
		if opener != "" && !slices.Contains(r.takingPart(other), opener) {
			r.report(positions[i], "let the one who begins take part in what comes before", "%s begins this after %s, and takes no part in that", quote(opener), quote(name))
		}
	}
	return before
}

// step returns what after: of a step says, and who opens its session.
func (r *reader) step(i int) (after []string, positions []Position, opener string) {
	if i < len(r.file.Groups) {
		g := r.file.Groups[i]
		return g.After, g.AfterPos, firstOf(g.Members)
	}
	s := r.file.Sign[i-len(r.file.Groups)]
	return s.After, s.AfterPos, firstOf(s.Signers)
}

func (r *reader) takingPart(i int) []string {
	if i < len(r.file.Groups) {
		return r.file.Groups[i].Members
	}
	return r.file.Sign[i-len(r.file.Groups)].Signers
}

func firstOf(names []string) string {
	if len(names) == 0 {
		return "" // what is wrong with them was reported
	}
	return names[0]
}

// cycle reports each place that makes steps wait for one another.
func (r *reader) cycle(before [][]needs, taken []bool) {
	waitsFor := make([][]bool, len(before))
	for i := range before {
		waitsFor[i] = reached(before, i)
	}
	for i, all := range before {
		for _, n := range all {
			if !taken[i] && waitsFor[n.step][i] && r.written(i, n) {
				r.report(n.pos, "take one of them out", "steps wait for one another in a circle")
			}
		}
	}
}

// written reports whether an order stands in the file: that of a signing after
// its group does not.
func (r *reader) written(step int, n needs) bool {
	_, positions, _ := r.step(step)
	return slices.Contains(positions, n.pos)
}

// reached returns the steps for which one waits, itself included.
func reached(before [][]needs, from int) []bool {
	seen := make([]bool, len(before))
	seen[from] = true
	for open := []int{from}; len(open) > 0; open = open[1:] {
		for _, n := range before[open[0]] {
			if !seen[n.step] {
				seen[n.step] = true
				open = append(open, n.step)
			}
		}
	}
	return seen
}
