package relay

import (
	"github.com/google/uuid"
)

// The requests of frostd's API (frost-client/src/api.rs), with our extension
// fields after the required ones.

type loginRequest struct {
	challenge         uuid.UUID
	pubkey, signature []byte
	origin            string // or empty
}

var loginFields = []string{"challenge", "pubkey", "signature", "origin"}

func (*loginRequest) schema() (string, []string, int) { return "LoginArgs", loginFields, 3 }

func (r *loginRequest) decodeField(field int, d *decoder) (err error) {
	switch field {
	case 0:
		r.challenge, err = d.uuid()
	case 1:
		r.pubkey, err = d.bytes()
	case 2:
		r.signature, err = d.bytes()
	default:
		var text []byte
		text, err = d.text("a string")
		r.origin = string(text)
	}
	return err
}

type createRequest struct {
	pubkeys      keyList
	messageCount uint8
}

var createFields = []string{"pubkeys", "message_count"}

func (*createRequest) schema() (string, []string, int) {
	return "CreateNewSessionArgs", createFields, 2
}

func (r *createRequest) decodeField(field int, d *decoder) (err error) {
	if field == 0 {
		r.pubkeys, err = d.keyList()
		return err
	}
	r.messageCount, err = d.byte()
	return err
}

// sessionRequest names a session and nothing else.
type sessionRequest struct{ session SessionID }

var sessionFields = []string{"session_id"}

func (*sessionRequest) schema() (string, []string, int) {
	return "GetSessionInfoArgs", sessionFields, 1
}

func (r *sessionRequest) decodeField(_ int, d *decoder) (err error) {
	r.session, err = d.uuid()
	return err
}

type closeRequest struct {
	session SessionID
	carry   bool
}

var closeFields = []string{"session_id", "carry"}

func (*closeRequest) schema() (string, []string, int) { return "CloseSessionArgs", closeFields, 1 }

func (r *closeRequest) decodeField(field int, d *decoder) (err error) {
	if field == 0 {
		r.session, err = d.uuid()
		return err
	}
	r.carry, err = d.boolean()
	return err
}

type sendRequest struct {
	session    SessionID
	recipients keyList
	msg        []byte
}

var sendFields = []string{"session_id", "recipients", "msg"}

func (*sendRequest) schema() (string, []string, int) { return "SendArgs", sendFields, 3 }

func (r *sendRequest) decodeField(field int, d *decoder) (err error) {
	switch field {
	case 0:
		r.session, err = d.uuid()
	case 1:
		r.recipients, err = d.keyList()
	default:
		r.msg, err = d.bytes()
	}
	return err
}

type receiveRequest struct {
	session       SessionID
	asCoordinator bool
	cursor        Cursor // HandedOver unless the request has one
}

var receiveFields = []string{"session_id", "as_coordinator", "cursor"}

func (*receiveRequest) schema() (string, []string, int) { return "ReceiveArgs", receiveFields, 2 }

func (r *receiveRequest) decodeField(field int, d *decoder) (err error) {
	switch field {
	case 0:
		r.session, err = d.uuid()
	case 1:
		r.asCoordinator, err = d.boolean()
	default:
		var n uint64
		n, err = d.number("u64", 64)
		r.cursor = Cursor(n)
	}
	return err
}
