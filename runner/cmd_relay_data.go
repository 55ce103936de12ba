package runner

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"frostkit/relay"
	"frostkit/relay/boltstore"
)

// relayCommands are the relay and what its operator does with its data.
type relayCommands struct {
	Serve   relayCommand        `cmd:"" default:"withargs" help:"Run the relay; \"serve\" may be left out."`
	Stats   relayStatsCommand   `cmd:"" help:"Tell what a relay that does not run holds."`
	Export  relayExportCommand  `cmd:"" help:"Print what it holds as JSON, one session, token or message a line."`
	Compact relayCompactCommand `cmd:"" help:"Make its data file as small as it can be."`
}

// storeFolder names the data of a relay that does not run.
type storeFolder struct {
	Store string `placeholder:"bolt:DIR" help:"The relay's store; by default bolt: in the user's data folder."`
}

func (f storeFolder) folder(e *Env) (string, error) {
	scheme, dir, _ := strings.Cut(f.Store, ":")
	if f.Store != "" && scheme != "bolt" {
		return "", failf(ExitUsage, "%q is no file store", f.Store).hint("Redis has tools of its own, and memory ends with its relay")
	}
	return e.boltFolder(dir)
}

type relayStatsCommand struct {
	storeFolder
	jsonFlag
}

// relayStats is what stats prints.
type relayStats struct {
	Folder   string `json:"folder"`
	File     int64  `json:"file_bytes"`
	Tokens   int    `json:"tokens"`
	Sessions int    `json:"sessions"`
	Closed   int    `json:"closed_sessions"`
	Messages int    `json:"messages"`
	Bytes    int64  `json:"counted_bytes"`
}

// Run prints the figures.
func (c *relayStatsCommand) Run(e *Env) error {
	dir, err := c.folder(e)
	if err != nil {
		return err
	}
	found, size, err := boltstore.Inspect(dir)
	if err != nil {
		return err
	}
	s := relayStats{dir, size, found.Tokens, found.Sessions, found.Closed, found.Messages, found.Bytes}
	if c.JSON {
		return e.writeJSON(s)
	}
	fmt.Fprintf(e.Stdout, "folder    %s\nfile      %d bytes\ntokens    %d\nsessions  %d, of which closed %d\nmessages  %d\ncounted   %d bytes\n",
		s.Folder, s.File, s.Tokens, s.Sessions, s.Closed, s.Messages, s.Bytes)
	return nil
}

type relayExportCommand struct {
	storeFolder
	Bodies bool `help:"With the messages' bodies in hex, as they were sent: sealed by the members' clients."`
}

// Run prints a line for each token, session and message. No line has a token.
func (c *relayExportCommand) Run(e *Env) error {
	dir, err := c.folder(e)
	if err != nil {
		return err
	}
	found, _, err := boltstore.Inspect(dir)
	if err != nil {
		return err
	}
	out := json.NewEncoder(e.Stdout)
	for _, t := range found.TokenList {
		if err := out.Encode(exportedToken{"token", hexKey(t.Owner), seconds(t.Left)}); err != nil {
			return err
		}
	}
	for i := range found.SessionList {
		if err := c.session(out, &found.SessionList[i]); err != nil {
			return err
		}
	}
	return nil
}

type exportedToken struct {
	Type  string  `json:"type"`
	Owner string  `json:"owner"`
	Left  float64 `json:"seconds_left"`
}

type exportedSession struct {
	Type         string           `json:"type"`
	ID           relay.SessionID  `json:"id"`
	Coordinator  string           `json:"coordinator"`
	MessageCount uint8            `json:"message_count"`
	Closed       bool             `json:"closed"`
	Carries      bool             `json:"carries"`
	Left         float64          `json:"seconds_left"`
	Members      []exportedMember `json:"members"`
}

type exportedMember struct {
	Key         string       `json:"key"`
	LeftSession bool         `json:"left_session"`
	Box         *exportedBox `json:"mailbox,omitempty"`
	Coordinator *exportedBox `json:"coordinator_mailbox,omitempty"`
}

type exportedBox struct {
	Acknowledged relay.Cursor `json:"acknowledged"`
	HandedOver   relay.Cursor `json:"handed_over"`
	Queued       int          `json:"queued"`
}

type exportedMessage struct {
	Type       string          `json:"type"`
	Session    relay.SessionID `json:"session"`
	Sender     string          `json:"sender"`
	Recipients []string        `json:"recipients"` // that have not acknowledged it
	Size       int             `json:"bytes"`
	Body       string          `json:"body,omitempty"`
}

func (c *relayExportCommand) session(out *json.Encoder, s *relay.SessionRecord) error {
	line := exportedSession{
		"session", s.ID, hexKey(s.Coordinator), s.MessageCount, s.Closed, s.Carries, seconds(s.Left), nil,
	}
	for _, m := range s.Boxes {
		line.Members = append(line.Members, exportedMember{hexKey(m.Key), m.LeftSession, exportBox(m.Box), exportBox(m.Coordinator)})
	}
	if err := out.Encode(line); err != nil {
		return err
	}
	for _, m := range s.Queued {
		message := exportedMessage{Type: "message", Session: s.ID, Sender: hexKey(m.Sender), Size: len(m.Body)}
		for _, box := range m.Recipients {
			name := hexKey(box.Owner)
			if box.Coordinator {
				name = "coordinator"
			}
			message.Recipients = append(message.Recipients, name)
		}
		if c.Bodies {
			message.Body = hex.EncodeToString(m.Body)
		}
		if err := out.Encode(message); err != nil {
			return err
		}
	}
	return nil
}

func exportBox(b relay.BoxRecord) *exportedBox {
	if b == (relay.BoxRecord{}) {
		return nil
	}
	return &exportedBox{b.Acknowledged, b.HandedOver, b.Queued}
}

func hexKey(k relay.Key) string { return hex.EncodeToString(k[:]) }

func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }

type relayCompactCommand struct{ storeFolder }

// Run rewrites the file.
func (c *relayCompactCommand) Run(e *Env) error {
	dir, err := c.folder(e)
	if err != nil {
		return err
	}
	before, after, err := boltstore.Compact(dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "%d bytes before, %d after\n", before, after)
	return nil
}
