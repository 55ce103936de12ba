package ceremony

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"gopkg.in/yaml.v3"
)

// reader turns YAML nodes into a File and collects what is wrong on the way.
type reader struct {
	file     *File
	problems Problems
	variable func(name string) (string, bool) // of the environment; nil: the file may have none
	own      own                              // one's own values
	named    []string                         // the keys of members as they stand, usable or not
}

func (r *reader) report(pos Position, hint, format string, args ...any) {
	pos.Own = pos.Own || r.own.reading
	r.problems = append(r.problems, r.file.Problem(pos, format, args...).WithHint("%s", hint))
}

// ownColumns is added to the columns of nodes that are one's own.
const ownColumns = 1 << 30

func position(node *yaml.Node) Position {
	if node.Column > ownColumns {
		return Position{node.Line, node.Column - ownColumns, true}
	}
	return Position{Line: node.Line, Column: node.Column}
}

// entry is one key of a mapping with its value.
type entry struct {
	key   string
	pos   Position // of the key
	value *yaml.Node
}

// usable refuses the parts of YAML that let one place of a file mean another:
// they save nothing here and make bombs.
func (r *reader) usable(node *yaml.Node) bool {
	const hint = "write the value itself"
	switch {
	case node.Kind == yaml.AliasNode:
		r.report(position(node), hint, "alias %s is not supported", quote("*"+node.Value))
	case node.Anchor != "":
		r.report(position(node), hint, "anchor %s is not supported", quote("&"+node.Anchor))
	case node.Style&yaml.TaggedStyle != 0:
		r.report(position(node), hint, "tag %s is not supported", quote(node.Tag))
	case node.Kind == yaml.ScalarNode && node.Tag == "!!merge":
		r.report(position(node), "write the keys themselves", "merge key \"<<\" is not supported")
	default:
		return true
	}
	return false
}

// mapping returns the entries of a mapping in order, without those whose key is
// not text or repeats an earlier one. what names the mapping in problems.
func (r *reader) mapping(node *yaml.Node, what string) ([]entry, bool) {
	if !r.usable(node) {
		return nil, false
	}
	if node.Kind != yaml.MappingNode {
		r.report(position(node), mappingHint(node), "%s is %s, not a mapping of keys to values", what, describe(node))
		return nil, false
	}
	var entries []entry
	first := map[string]Position{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, ok := r.text(node.Content[i], "a key of "+what)
		if !ok {
			continue
		}
		pos := position(node.Content[i])
		if earlier, repeated := first[key]; repeated {
			r.report(pos, "keep one of the two", "%s has %s twice, first in line %d", what, quote(key), earlier.Line)
			continue
		}
		first[key] = pos
		entries = append(entries, entry{key: key, pos: pos, value: node.Content[i+1]})
	}
	return entries, true
}

func mappingHint(node *yaml.Node) string {
	if node.Tag == "!!null" {
		return "write {} when there is nothing to say"
	}
	return "write it as key: value"
}

// fields returns the entries of a mapping whose keys are known beforehand, after
// reporting those that are not, those that exclude one another, and required
// ones that are missing.
func (r *reader) fields(node *yaml.Node, what string, o *object) (map[string]entry, bool) {
	entries, ok := r.mapping(node, what)
	if !ok {
		return nil, false
	}
	required, optional := o.names()
	known := slices.Concat(required, optional)
	fields := map[string]entry{}
	for _, e := range entries {
		if !slices.Contains(known, e.key) {
			r.report(e.pos, r.suggest(e.key, known), "%s has no key %s", what, quote(e.key))
			continue
		}
		fields[e.key] = e
	}
	for _, key := range required {
		if _, ok := fields[key]; !ok && !misspelt(entries, key, known) {
			r.report(position(node), fmt.Sprintf(`add "%s: …"`, key), "%s lacks the key %q", what, key)
		}
	}
	r.exclusive(fields, what, o)
	return fields, true
}

func (r *reader) exclusive(fields map[string]entry, what string, o *object) {
	var given []entry
	for _, name := range o.never {
		if e, ok := fields[name]; ok {
			given = append(given, e)
		}
	}
	if len(given) > 1 {
		r.report(given[1].pos, "keep one of the two", "%s has both %q and %q", what, given[0].key, given[1].key)
	}
}

// misspelt reports whether an unknown key was already said to be this one.
func misspelt(entries []entry, key string, known []string) bool {
	return slices.ContainsFunc(entries, func(e entry) bool {
		return !slices.Contains(known, e.key) && nearest(e.key, known) == key
	})
}

// list returns the elements of a list. what names the list in problems.
func (r *reader) list(node *yaml.Node, what string) ([]*yaml.Node, bool) {
	if !r.usable(node) {
		return nil, false
	}
	if node.Kind != yaml.SequenceNode {
		r.report(position(node), "begin each element with a dash, or write [a, b]", "%s is %s, not a list", what, describe(node))
		return nil, false
	}
	return node.Content, true
}

// text returns the text of a node: printable characters on one line.
func (r *reader) text(node *yaml.Node, what string) (string, bool) {
	if !r.usable(node) {
		return "", false
	}
	pos := position(node)
	if node.Kind != yaml.ScalarNode || node.Tag != "!!str" {
		r.report(pos, textHint(node), "%s is %s, not text", what, describe(node))
		return "", false
	}
	if i := strings.IndexFunc(node.Value, func(char rune) bool { return !unicode.IsPrint(char) }); i >= 0 {
		r.report(pos, "use printable characters on one line", "%s %s holds the character %U, which does not print",
			what, quote(node.Value), []rune(node.Value[i:])[0])
		return "", false
	}
	return node.Value, true
}

// value returns the text of a node that all members agree on: it takes nothing
// from the environment.
func (r *reader) value(node *yaml.Node, what string) (string, bool) {
	return r.expanded(node, what, func(name string) (string, string, string) {
		return "", fmt.Sprintf("takes %s from the environment, and is part of what all members agree on", name),
			"write the value itself, or $${ for these two characters"
	})
}

// ownValue returns the text of a node that is each member's own affair, with the
// environment variables in it replaced, where that is allowed.
func (r *reader) ownValue(node *yaml.Node, what string) (string, bool) {
	variable := r.variable
	if position(node).Own {
		variable = r.own.variable
	} else {
		r.noteVariables(node, what)
	}
	if variable == nil {
		return r.expanded(node, what, func(name string) (string, string, string) {
			return "", fmt.Sprintf("takes %s from the environment, which a ceremony file may not unless you allowed it", name), r.allowHint()
		})
	}
	return r.expanded(node, what, func(name string) (string, string, string) {
		value, ok := variable(name)
		if !ok || value == "" {
			return "", fmt.Sprintf("refers to the environment variable %s, which is not set or empty", name), fmt.Sprintf("set %s before running frostkit", name)
		}
		return value, "", ""
	})
}

// allowHint says how a file may do what the files of others may not.
func (r *reader) allowHint() string { return r.file.AllowHint() }

// AllowHint says how the file may do what the files of others may not.
func (f *File) AllowHint() string {
	return fmt.Sprintf("put the value into a file of your own and name it with --local, or look at what the file asks for and allow it: %s",
		command("allow").arg(asArgument("", f.Path)))
}

func (r *reader) noteVariables(node *yaml.Node, what string) {
	if names := variablesIn(node.Value); len(names) > 0 {
		r.file.Variables = append(r.file.Variables, Variable{what, node.Value, names, position(node)})
	}
}

// expanded returns the text of a node with the variables in it replaced. What they hold
// is text, whatever it looks like: it goes through the same checks as if it stood in the
// file.
func (r *reader) expanded(node *yaml.Node, what string, variable variable) (string, bool) {
	text, ok := r.text(node, what)
	if !ok || !strings.Contains(text, "${") {
		return text, ok
	}
	expanded, fault, hint := expand(text, variable)
	if fault != "" {
		r.report(position(node), hint, "%s %s %s", what, quote(text), fault)
		return "", false
	}
	return r.text(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: expanded, Line: node.Line, Column: node.Column}, what)
}

// word returns a text that is one of those that the shape allows.
func (r *reader) word(node *yaml.Node, what string, s *shape) (string, bool) {
	read := r.value
	if s.own {
		read = r.ownValue
	}
	word, ok := read(node, what)
	if ok && !slices.Contains(s.words, word) {
		r.report(position(node), "write one of: "+strings.Join(s.words, ", "), "%s %s is not supported", what, quote(word))
		return "", false
	}
	return word, ok
}

// duration returns a duration of more than 0 and at most MaxTimeout.
func (r *reader) duration(node *yaml.Node, what string) (time.Duration, bool) {
	text, ok := r.ownValue(node, what)
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil || !duration.MatchString(text):
		r.report(position(node), `write it like "90s", "10m" or "1h30m"`, "%s %s is not a duration", what, quote(text))
	case d <= 0 || d > MaxTimeout:
		r.report(position(node), fmt.Sprintf("choose more than 0 and at most %dh", MaxTimeout/time.Hour), "%s %s is out of range", what, quote(text))
	default:
		return d, true
	}
	return 0, false
}

func textHint(node *yaml.Node) string {
	switch {
	case node.Kind != yaml.ScalarNode:
		return "write it on one line, in quotes if need be"
	case node.Tag == "!!null" && node.Value != "":
		return fmt.Sprintf("put it in quotes if it is meant as text: %q", brief(node.Value))
	case node.Tag == "!!null":
		return "give it a value, or leave the key out"
	default:
		return fmt.Sprintf("put it in quotes: %q", brief(node.Value))
	}
}

var decimal = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})$`)

// number returns the value of a whole number below 10^9, written in decimal
// digits: 010, 0x8, 1_000, 2.0 and "2" mean different things to different
// readers.
func (r *reader) number(node *yaml.Node, what string) (int, bool) {
	if !r.usable(node) {
		return 0, false
	}
	if node.Kind == yaml.ScalarNode && node.Tag == "!!str" && strings.Contains(node.Value, "${") {
		if _, ok := r.value(node, what); !ok {
			return 0, false
		}
	}
	if node.Kind == yaml.ScalarNode && node.Tag == "!!int" && decimal.MatchString(node.Value) {
		n, err := strconv.Atoi(node.Value)
		return n, err == nil
	}
	hint := "write it in decimal digits alone"
	if node.Tag == "!!str" && decimal.MatchString(node.Value) {
		hint = "write it without quotes: " + node.Value
	}
	r.report(position(node), hint, "%s is %s, not a whole number", what, describe(node))
	return 0, false
}

// describe says what a node is, for a problem that says what it should be.
func describe(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.MappingNode:
		return "a mapping"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case node.Tag == "!!null":
		return "empty"
	case node.Tag == "!!str":
		return "the text " + quote(node.Value)
	case node.Tag == "!!bool":
		return "the truth value " + brief(node.Value)
	case node.Tag == "!!timestamp":
		return "the date " + brief(node.Value)
	default:
		return "the number " + brief(node.Value)
	}
}

// quote returns what somebody wrote for a message, without what could act on a
// terminal.
func quote(s string) string { return strconv.Quote(brief(s)) }

// brief cuts a text that would swamp the message it appears in.
func brief(s string) string {
	const limit = 60 // characters
	if chars := []rune(s); len(chars) > limit {
		return string(chars[:limit]) + "…"
	}
	return s
}
