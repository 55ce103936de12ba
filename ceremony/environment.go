package ceremony

import (
	"regexp"
	"strings"
)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// variable gives the value of a variable, or says what is wrong with it.
type variable func(name string) (value, fault, hint string)

// variablesIn returns the names of the variables in a text.
func variablesIn(text string) (names []string) {
	_, _, _ = expand(text, func(name string) (string, string, string) {
		names = append(names, name)
		return "", "", ""
	})
	return names
}

// expand replaces each ${NAME} in text by the value of the variable, once: what
// a value holds is not expanded again. $${ stands for ${, and every other $ for
// itself. A fault says what is wrong, to be read after the text.
func expand(text string, variable variable) (expanded, fault, hint string) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "${")
		b.WriteString(before)
		if !found {
			return b.String(), "", ""
		}
		if strings.HasSuffix(before, "$") {
			b.WriteString("{") // after the $ that is written already
			text = after
			continue
		}
		name, rest, closed := strings.Cut(after, "}")
		if !closed || !variableName.MatchString(name) {
			return "", "has ${ without the name of a variable and }", "write $${ for these two characters"
		}
		value, fault, hint := variable(name)
		if fault != "" {
			return "", fault, hint
		}
		b.WriteString(value)
		text = rest
	}
}
