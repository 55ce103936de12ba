package ceremony

import (
	"fmt"
	"regexp"
	"strings"
)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces each ${NAME} in text by the value of the variable, once: what
// a value holds is not expanded again. $${ stands for ${, and every other $ for
// itself. A fault says what is wrong, to be read after the text.
func expand(text string, variable func(string) (string, bool)) (expanded, fault, hint string) {
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
			return "", "has ${ without the name of a variable and }", "write ${NAME}, or $${ for these two characters"
		}
		value, ok := variable(name)
		if !ok || value == "" {
			return "", fmt.Sprintf("refers to the environment variable %s, which is not set or empty", name), fmt.Sprintf("set %s before running frostkit", name)
		}
		b.WriteString(value)
		text = rest
	}
}
