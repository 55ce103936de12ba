package ceremony

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Option changes how a ceremony file is read.
type Option func(*reader)

// Environment gives the values of the variables that ${NAME} stands for in what
// is each member's own affair; one that is not found, or empty, is a problem of
// the file. Without this option each ${NAME} in the file is a problem: the file
// may be somebody else's.
func Environment(variable func(name string) (value string, found bool)) Option {
	return func(r *reader) { r.variable = variable }
}

// Load reads and checks the ceremony file at path. What is wrong with the
// content is a [Problems], as for [Parse]; a file that cannot be read is an
// error of package os.
func Load(path string, options ...Option) (*File, error) {
	data, err := Read(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data, options...)
}

// Read reads a ceremony file for [Parse]: no more of it than shows that it is too long.
func Read(path string) ([]byte, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the ceremony file: %w", err)
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading the ceremony file: %w", err)
	}
	return data, nil
}

// Parse reads and checks a ceremony file: at most [MaxSize] bytes of UTF-8
// that are one YAML document, with or without a byte order mark. name is its path; it
// appears in problems, and the paths in the file are relative to its folder. The
// error is a [Problems] with everything that is wrong, up to [MaxProblems].
//
// Of YAML it takes what a person writes: mappings, lists, text and decimal
// numbers. Unknown and repeated keys, anchors, aliases, merge keys, tags and
// values of another type (a number in quotes, nothing at all) are problems.
// ${NAME} in a value that is each member's own affair stands for an environment
// variable (see [Environment]), and $${ for these two characters.
//
// Paths are relative to the file's folder. Absolute paths and such that lead out
// of the folder are read; [File.Paths] lists them for who opens them.
func Parse(name string, data []byte, options ...Option) (*File, error) {
	r := &reader{file: &File{Path: name}}
	for _, option := range options {
		option(r)
	}
	if r.readOwn(); len(r.problems) > 0 {
		return nil, r.problems.sortedAndCut()
	}
	data = withoutMark(data)
	if r.readable(data) {
		if root := r.document(data); root != nil {
			r.ceremony(root)
		}
	}
	if len(r.problems) > 0 {
		return nil, r.problems.sortedAndCut()
	}
	return r.file, nil
}

// readable checks the text as such, before YAML has any say.
func (r *reader) readable(data []byte) bool {
	if len(data) > MaxSize {
		r.report(Position{Line: 1, Column: 1}, "keep long texts in files of their own",
			"the file is larger than %d bytes, the most a ceremony file may have", MaxSize)
		return false
	}
	pos, indenting := Position{Line: 1, Column: 1}, true
	for i, size := 0, 0; i < len(data); i += size {
		var char rune
		char, size = utf8.DecodeRune(data[i:])
		switch {
		case char == utf8.RuneError && size <= 1:
			r.report(pos, notUTF8(data), "byte 0x%02x is not UTF-8", data[i])
			return false
		case forbidden(char):
			r.report(pos, "remove it", "character %U does not belong in a ceremony file", char)
			return false
		case char == '\t' && indenting:
			r.report(pos, "indent with spaces", "a tab is used to indent")
		}
		indenting = char == '\n' || char == '\r' || indenting && (char == ' ')
		pos.Column++
		if char == '\n' || char == '\r' && !bytes.HasPrefix(data[i+1:], []byte("\n")) {
			pos = Position{Line: pos.Line + 1, Column: 1}
		}
	}
	return len(r.problems) == 0
}

// notUTF8 says what to do about a text in another encoding, UTF-16 by its name.
func notUTF8(data []byte) string {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return "it is UTF-16; save it as UTF-8"
	}
	return "save it as UTF-8"
}

// forbidden reports whether a character hides something from who reads the file
// in an editor: control characters, line breaks that only YAML takes for such,
// byte order marks, and what reverses the direction of text.
func forbidden(char rune) bool {
	if char == '\t' || char == '\n' || char == '\r' {
		return false
	}
	return unicode.IsControl(char) || unicode.In(char, unicode.Zl, unicode.Zp, unicode.Bidi_Control) || char == '\uFEFF'
}

// withoutMark drops the byte order mark that editors put before UTF-8.
func withoutMark(data []byte) []byte { return bytes.TrimPrefix(data, []byte("\uFEFF")) }

// document returns the root of the only document in data, or nil after
// reporting why there is none.
func (r *reader) document(data []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	err := decoder.Decode(&first)
	if err != nil && !errors.Is(err, io.EOF) {
		r.syntax(data, err)
		return nil
	}
	if err != nil || first.Content[0].ShortTag() == "!!null" {
		r.report(Position{Line: 1, Column: 1}, `begin it with "version: 1"`, "the file is empty")
		return nil
	}
	// Decode stops at the end of a document: what follows it must be nothing.
	switch err = decoder.Decode(&second); {
	case err == nil:
		r.report(position(&second), "keep one ceremony in a file", "a second document begins here")
	case !errors.Is(err, io.EOF):
		r.syntax(data, err)
	}
	return first.Content[0]
}

var (
	yamlError     = regexp.MustCompile(`^yaml: (?:line ([0-9]+): )?(.*)$`)
	parserError   = regexp.MustCompile(`^did not find expected (key|'-' indicator|',' or '[\]}]'|node content|<document start>)`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// syntax reports an error of the YAML parser. It knows lines only, so the
// column is that of the line's first character.
func (r *reader) syntax(data []byte, err error) {
	line, message := 1, err.Error()
	if parts := yamlError.FindStringSubmatch(message); parts != nil {
		message = parts[2]
		line, _ = strconv.Atoi("0" + parts[1])
		// yaml.v3 counts the lines of its scanner from 1, those of its parser from 0.
		if parts[1] == "" || parserError.MatchString(message) {
			line++
		}
	}
	pos := startOfLine(data, line)
	if parts := unknownAnchor.FindStringSubmatch(message); parts != nil {
		pos = startOfLine(data, 1+strings.Count(string(data[:max(0, bytes.Index(data, []byte("*"+parts[1])))]), "\n"))
	}
	r.report(pos, "look here and just below for indentation, a missing colon, quote or bracket",
		"reading YAML: %s", message)
}

// startOfLine returns the place of the first character in a line that is not a
// space.
func startOfLine(data []byte, line int) Position {
	lines := bytes.Split(data, []byte("\n"))
	line = min(line, len(lines))
	text := lines[line-1]
	return Position{Line: line, Column: 1 + len(text) - len(bytes.TrimLeft(text, " "))}
}
