package relay

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// What the wire says of a fault of the relay.
const (
	unknownCode = 255
	unknownName = "Unknown"
)

var errContentType = &bodyError{http.StatusUnsupportedMediaType, "Expected request with `Content-Type: application/json`"}

// isJSON reports whether a request says that its body is JSON, as axum sees it.
func isJSON(header http.Header) bool {
	value := header.Get("Content-Type")
	if value == "application/json" {
		return true
	}
	kind, _, err := mime.ParseMediaType(value)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return false
	}
	return kind == "application/json" ||
		strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
}

// wireError returns what the API says of an error: the one place that maps the
// sentinels to the wire. What it does not know is a fault of the relay, of which
// it says no more than that.
func wireError(err error) *APIError {
	for _, known := range apiCodes {
		if errors.Is(err, known.err) {
			return &APIError{Code: known.code, Name: known.name, Msg: err.Error()}
		}
	}
	return &APIError{Code: unknownCode, Name: unknownName, Msg: errUnknown.Error()}
}

// appendError appends the JSON of an error.
func appendError(out []byte, err error) []byte {
	wire := wireError(err)
	out = append(out, `{"code":`...)
	out = strconv.AppendInt(out, int64(wire.Code), 10)
	out = append(out, `,"msg":`...)
	out = appendString(out, wire.Msg)
	out = append(out, `,"error":{"code":`...)
	out = appendString(out, wire.Name)
	var argument InvalidArgumentError
	if errors.As(err, &argument) {
		out = append(out, `,"err":`...)
		out = appendString(out, string(argument))
	}
	return append(out, "}}"...)
}

func appendString(out []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic("relay: internal error: " + err.Error()) // a string always marshals
	}
	return append(out, quoted...)
}

// appendID appends {"name":"ID"}.
func appendID(out []byte, name string, id uuid.UUID) []byte {
	out = append(append(append(out, `{"`...), name...), `":"`...)
	return append(appendUUID(out, id), `"}`...)
}

func appendUUID(out []byte, id uuid.UUID) []byte {
	out = hex.AppendEncode(out, id[0:4])
	for _, group := range [][]byte{id[4:6], id[6:8], id[8:10], id[10:16]} {
		out = hex.AppendEncode(append(out, '-'), group)
	}
	return out
}

// appendHex appends a byte string.
func appendHex(out, b []byte) []byte {
	return append(hex.AppendEncode(append(out, '"'), b), '"')
}

// appendSessionIDs appends the answer of list_sessions.
func appendSessionIDs(out []byte, ids []SessionID) []byte {
	out = append(out, `{"session_ids":[`...)
	for i, id := range ids {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendUUID(append(out, '"'), id), '"')
	}
	return append(out, "]}"...)
}

// appendSession appends the answer of get_session_info.
func appendSession(out []byte, s *Session) []byte {
	out = append(out, `{"message_count":`...)
	out = strconv.AppendUint(out, uint64(s.MessageCount), 10)
	out = append(out, `,"pubkeys":[`...)
	for i := range s.Members {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendHex(out, s.Members[i][:])
	}
	out = append(out, `],"coordinator_pubkey":`...)
	return append(appendHex(out, s.Coordinator[:]), '}')
}

// messagesSize is how long the answer of receive is at most.
func messagesSize(messages []StoredMessage) int {
	size := 64
	for i := range messages {
		size += 128 + 2*len(messages[i].Body)
	}
	return size
}

// appendMessages appends the answer of receive; a cursor of 0 is left out.
func appendMessages(out []byte, messages []StoredMessage, cursor Cursor) []byte {
	out = append(out, `{"msgs":[`...)
	for i := range messages {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendHex(append(out, `{"sender":`...), messages[i].Sender[:])
		out = appendHex(append(out, `,"msg":`...), messages[i].Body)
		if messages[i].KeepsEarly && cursor > 0 {
			out = append(out, `,"keeps_early":true`...)
		}
		out = append(out, '}')
	}
	out = append(out, ']')
	if cursor > 0 {
		out = strconv.AppendUint(append(out, `,"cursor":`...), uint64(cursor), 10)
	}
	return append(out, '}')
}
