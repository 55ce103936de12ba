package paste

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"frostkit/commkey"
	"frostkit/runner/protocol"
)

const (
	marker = "FROSTKIT MESSAGE"
	begin  = "-----BEGIN " + marker + "-----"
	end    = "-----END " + marker + "-----"

	toCoordinator = "coordinator"
	columns       = 64      // characters of base64 on a line
	checksumSize  = 6       // bytes of a SHA-256 digest, 8 characters
	maxNumber     = 999     // of a block
	maxBody       = 1 << 19 // bytes of a block before base64: eight of the largest messages
)

// base64Text is base64 without padding, read strictly (RFC 4648, Sections 3.2
// and 3.5).
var base64Text = base64.RawStdEncoding.Strict()

// Block is what one armoured block holds: all messages that a member has for
// another at one time. Who it is from is what it says, which only opening its
// messages proves.
type Block struct {
	From commkey.PublicKey
	// To is the receiver, the zero key for the session's coordinator.
	To      commkey.PublicKey
	Session uuid.UUID
	// Number counts the sender's blocks to this receiver in this session, 1 to 999.
	Number int
	// Messages are 1 to 65,535 bytes each, and there is one at least.
	Messages [][]byte
}

// Encode returns the block as lines that end with \n: the BEGIN line, the
// headers From, To, Session and Number, an empty line, the messages in base64,
// a checksum, and the END line.
func (b *Block) Encode() string {
	var out strings.Builder
	body := encodeBody(b.Messages)
	fmt.Fprintf(&out, "%s\n%s\n", begin, b.headers())
	text := base64Text.EncodeToString(body)
	for ; len(text) > columns; text = text[columns:] {
		fmt.Fprintln(&out, text[:columns])
	}
	fmt.Fprintf(&out, "%s\n=%s\n%s\n", text, b.checksum(body), end)
	return out.String()
}

func (b *Block) headers() string {
	to := toCoordinator
	if !b.To.IsZero() {
		to = b.To.String()
	}
	return fmt.Sprintf("From: %s\nTo: %s\nSession: %s\nNumber: %d\n", b.From, to, b.Session, b.Number)
}

// checksum tells a damaged block from a whole one. It proves nothing against
// somebody who changes a block on purpose; sealing does.
func (b *Block) checksum(body []byte) string {
	digest := sha256.Sum256(append([]byte(b.headers()), body...))
	return base64Text.EncodeToString(digest[:checksumSize])
}

// encodeBody writes each message after its length as a varint.
func encodeBody(messages [][]byte) []byte {
	var body []byte
	for _, m := range messages {
		body = append(binary.AppendUvarint(body, uint64(len(m))), m...)
	}
	return body
}

func decodeBody(body []byte) ([][]byte, error) {
	var messages [][]byte
	for rest := body; len(rest) > 0; {
		size, n := binary.Uvarint(rest)
		if n <= 0 || size < 1 || size > protocol.MaxMessageSize || size > uint64(len(rest)-n) {
			return nil, errors.New("a message in it has an impossible length")
		}
		messages = append(messages, rest[n:n+int(size)])
		rest = rest[n+int(size):]
	}
	switch {
	case len(messages) == 0:
		return nil, errors.New("there is no message in it")
	case !bytes.Equal(encodeBody(messages), body): // a varint may be longer than it need be
		return nil, errors.New("a message in it has a length in another form")
	}
	return messages, nil
}

// headerNames are the headers in their order.
var headerNames = []string{"From", "To", "Session", "Number"}

// decode reads the lines between BEGIN and END, cleaned and without empty ones.
// Base64 may be broken into lines anywhere; all else has one form.
func decode(lines []string) (*Block, error) {
	if len(lines) < len(headerNames)+2 {
		return nil, errors.New("a part of it is missing")
	}
	var b Block
	for i, name := range headerNames {
		value, found := strings.CutPrefix(lines[i], name+": ")
		if !found {
			return nil, fmt.Errorf("the header %s is missing", name)
		}
		if err := b.setHeader(name, value); err != nil {
			return nil, fmt.Errorf("reading its header %s: %w", name, err)
		}
	}
	last := len(lines) - 1
	checksum, found := strings.CutPrefix(lines[last], "=")
	if !found {
		return nil, errors.New("the checksum is missing")
	}
	body, err := base64Text.DecodeString(strings.Join(lines[len(headerNames):last], ""))
	if err != nil || checksum != b.checksum(body) {
		return nil, errors.New("its checksum does not fit")
	}
	b.Messages, err = decodeBody(body)
	return &b, err
}

func (b *Block) setHeader(name, value string) (err error) {
	switch name {
	case "From":
		b.From, err = parseKey(value)
	case "To":
		if value != toCoordinator {
			b.To, err = parseKey(value)
		}
	case "Session":
		b.Session, err = uuid.Parse(value)
		if err == nil && b.Session.String() != value {
			err = errors.New("it is a session id in another form")
		}
	case "Number":
		b.Number, err = strconv.Atoi(value)
		if err != nil || strconv.Itoa(b.Number) != value || b.Number < 1 || b.Number > maxNumber {
			err = fmt.Errorf("it is no number from 1 to %d", maxNumber)
		}
	}
	return err
}

func parseKey(text string) (commkey.PublicKey, error) {
	key, err := commkey.ParsePublicKey(text)
	if err == nil && key.String() != text {
		err = errors.New("it is a public key in another form")
	}
	return key, err
}
