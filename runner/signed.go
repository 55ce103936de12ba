package runner

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"frostkit/frost"
	"frostkit/internal/files"
)

const (
	// maxVerified is the longest message that is verified, in bytes: other programs sign longer ones than a session.
	maxVerified = 64 << 20
	// maxSignatureFile is how much is read of a signature, in bytes: some times its hexadecimal.
	maxSignatureFile = 64 << 10
)

// readSigned reads a file, a pipe or, for -, standard input.
func (e *Env) readSigned(name, what string, most int64) ([]byte, error) {
	var data []byte
	var err error
	if name == "-" {
		data, err = files.ReadStream(e.Context, e.Stdin, most)
	} else {
		data, err = files.ReadWhole(e.Context, name, most)
	}
	if err != nil {
		return nil, failf(ExitInput, "reading the %s: %w", what, err)
	}
	return data, nil
}

// signatureBytes takes a signature as raw bytes or as hexadecimal with any white space. The error
// says what the text is instead.
func signatureBytes(cs frost.Ciphersuite, raw []byte) ([]byte, error) {
	want := cs.Group().ElementSize() + cs.Group().ScalarSize()
	if len(raw) == want {
		return raw, nil
	}
	text := bytes.Join(bytes.Fields(raw), nil)
	decoded, err := hex.DecodeString(string(text))
	if err == nil && len(decoded) == want {
		return decoded, nil
	}
	return nil, fmt.Errorf("%s; a signature is %d raw bytes, or %d characters of hexadecimal", notASignature(raw, text, err == nil, want), want, 2*want)
}

// decodeSignature takes a signature as [signatureBytes] does.
func decodeSignature(cs frost.Ciphersuite, raw []byte) (frost.Signature, error) {
	b, err := signatureBytes(cs, raw)
	if err != nil {
		return frost.Signature{}, err
	}
	return frost.DecodeSignature(cs, b)
}

// notASignature says what is in the place of a signature: the file, without its white space as text.
func notASignature(raw, text []byte, isHex bool, want int) string {
	switch {
	case len(text) == 0:
		return "it is empty"
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), bytes.HasPrefix(raw, []byte("\xfe\xff")):
		return "it is UTF-16 text"
	case bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")):
		return "it begins with a byte order mark"
	case strings.HasPrefix(strings.ToLower(string(text)), "0x"):
		return "it begins with 0x"
	case isHex:
		return fmt.Sprintf("it is hexadecimal of %d bytes", len(text)/2)
	}
	if b, err := base64.StdEncoding.DecodeString(string(text)); err == nil && len(b) == want {
		return "it is base64"
	}
	return fmt.Sprintf("it has %d bytes", len(raw))
}

// otherLineEnds names the form of the message that does verify, or nothing: mail, editors
// and version control change line ends.
func otherLineEnds(message []byte, verifies func([]byte) bool) string {
	if len(message) > maxMessageFile {
		return ""
	}
	lf := bytes.ReplaceAll(message, []byte("\r\n"), []byte("\n"))
	crlf := bytes.ReplaceAll(lf, []byte("\n"), []byte("\r\n"))
	bare := bytes.TrimRight(message, "\r\n")
	for _, form := range []struct {
		name    string
		message []byte
	}{
		{"LF line ends", lf},
		{"CRLF line ends", crlf},
		{"no line end at its end", bare},
		{"an LF line end at its end", append(bytes.Clone(bare), '\n')},
		{"a CRLF line end at its end", append(bytes.Clone(bare), "\r\n"...)},
		{"LF line ends and none at its end", bytes.TrimRight(lf, "\n")},
		{"CRLF line ends and none at its end", bytes.TrimRight(crlf, "\r\n")},
	} {
		if !bytes.Equal(form.message, message) && verifies(form.message) {
			return form.name
		}
	}
	return ""
}
