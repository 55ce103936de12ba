package byhand

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"unicode"

	"frostkit/frost"
)

// maxFrame is the longest message in bytes: a signing package of a thousand
// signers takes 300 kB.
const maxFrame = 1 << 20

// writeFrame writes a message after its length as a varint, the frames of
// message-io's FramedTcp.
func writeFrame(w io.Writer, message []byte) error {
	_, err := w.Write(append(binary.AppendUvarint(nil, uint64(len(message))), message...))
	return err
}

// readFrame reads one message.
func readFrame(r *bufio.Reader) ([]byte, error) {
	size, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, err
	}
	if size > maxFrame {
		return nil, fmt.Errorf("a message of %d bytes, want %d at most", size, maxFrame)
	}
	message := make([]byte, size)
	_, err = io.ReadFull(r, message)
	return message, err
}

// wire is the message of the programs: one of its fields is there.
type wire struct {
	Commitments *struct {
		Identifier  json.RawMessage `json:"identifier"`
		Commitments json.RawMessage `json:"commitments"`
	} `json:"IdentifiedCommitments,omitempty"`
	Package *struct {
		SigningPackage json.RawMessage `json:"signing_package"`
		Randomizer     json.RawMessage `json:"randomizer"`
	} `json:"SigningPackageAndRandomizer,omitempty"`
	Share json.RawMessage `json:"SignatureShare,omitempty"`
}

// printable is a message as it may be shown on a terminal.
func printable(message []byte) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, string(message))
}

func encodeCommitments(id frost.Identifier, c *frost.SigningCommitments) []byte {
	return fmt.Appendf(nil, `{"IdentifiedCommitments":{"identifier":"%s","commitments":%s}}`, id, c.EncodeJSON())
}

func decodeCommitments(cs frost.Ciphersuite, message []byte) (frost.Identifier, *frost.SigningCommitments, error) {
	var w wire
	var text string
	if err := json.Unmarshal(message, &w); err != nil || w.Commitments == nil {
		return frost.Identifier{}, nil, errors.New("it is no message with commitments")
	}
	if err := json.Unmarshal(w.Commitments.Identifier, &text); err != nil {
		return frost.Identifier{}, nil, errors.New("its identifier is no text")
	}
	id, err := frost.ParseIdentifier(cs, text)
	if err != nil {
		return id, nil, err
	}
	c, err := frost.DecodeSigningCommitmentsJSON(cs, w.Commitments.Commitments)
	return id, c, err
}

func encodePackage(pkg *frost.SigningPackage) []byte {
	return fmt.Appendf(nil, `{"SigningPackageAndRandomizer":{"signing_package":%s,"randomizer":null}}`, pkg.EncodeJSON())
}

func decodePackage(cs frost.Ciphersuite, message []byte) (*frost.SigningPackage, error) {
	var w wire
	if err := json.Unmarshal(message, &w); err != nil || w.Package == nil {
		return nil, errors.New("it is no message with a signing package")
	}
	if r := string(w.Package.Randomizer); r != "null" && r != "" {
		return nil, errors.New("it has a randomizer, which this ciphersuite does not use")
	}
	return frost.DecodeSigningPackageJSON(cs, w.Package.SigningPackage)
}

func encodeShare(share *frost.SignatureShare) []byte {
	return fmt.Appendf(nil, `{"SignatureShare":%s}`, share.EncodeJSON())
}

func decodeShare(cs frost.Ciphersuite, message []byte) (*frost.SignatureShare, error) {
	var w wire
	if err := json.Unmarshal(message, &w); err != nil || w.Share == nil {
		return nil, errors.New("it is no message with a signature share")
	}
	return frost.DecodeSignatureShareJSON(cs, w.Share)
}

// server is a coordinator to whom signers connect.
type server struct {
	*Console
	cs       frost.Ciphersuite
	listener net.Listener
	arrived  chan arrival
	done     chan struct{}
	wait     sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]bool // that are served
	closed bool

	chose    map[frost.Identifier]net.Conn
	answered map[frost.Identifier]bool // whose share is there
}

// arrival is a message of a signer, or the end of its connection.
type arrival struct {
	from    net.Conn
	message []byte
	err     error
}

func listen(ctx context.Context, c *Console, config Coordinator) (*server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", config.Address)
	if err != nil {
		return nil, fmt.Errorf("waiting for signers: %w", err)
	}
	s := newServer(c, config.Ciphersuite, listener)
	if config.Listening != nil {
		config.Listening(listener.Addr().String())
	}
	return s, nil
}

func newServer(c *Console, cs frost.Ciphersuite, listener net.Listener) *server {
	s := &server{
		Console: c, cs: cs, listener: listener, arrived: make(chan arrival), done: make(chan struct{}),
		conns: map[net.Conn]bool{}, chose: map[frost.Identifier]net.Conn{}, answered: map[frost.Identifier]bool{},
	}
	s.wait.Go(s.accept)
	return s
}

func (s *server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.admit(conn)
	}
}

// admit serves a connection, unless it came with the close.
func (s *server) admit(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		return
	}
	s.conns[conn] = true
	s.log("Client connected")
	s.wait.Go(func() { s.serve(conn) })
}

// drop closes a connection that is no longer served.
func (s *server) drop(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
	_ = conn.Close()
}

func (s *server) serve(conn net.Conn) {
	defer s.drop(conn)
	r := bufio.NewReader(conn)
	for {
		message, err := readFrame(r)
		select {
		case s.arrived <- arrival{conn, message, err}:
		case <-s.done:
			return
		}
		if err != nil {
			return
		}
	}
}

// close ends all connections and waits until nobody is served.
func (s *server) close() {
	close(s.done)
	_ = s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.wait.Wait()
}

// next returns the next message of a signer.
func (s *server) next(ctx context.Context) (arrival, error) {
	for {
		select {
		case a := <-s.arrived:
			if a.err == nil {
				s.log("Received: %s", printable(a.message))
				return a, nil
			}
			s.log("Client disconnected")
			for id, conn := range s.chose {
				if conn == a.from && !s.answered[id] {
					return a, fmt.Errorf("the signer %s has gone: %w", id, a.err)
				}
			}
		case <-ctx.Done():
			return arrival{}, ctx.Err()
		}
	}
}

// commitments takes those of the first signers who send any. What is none, or
// of nobody in the group, is dropped.
func (s *server) commitments(ctx context.Context, public *frost.PublicKeyPackage, count int) (map[frost.Identifier]*frost.SigningCommitments, error) {
	s.log("Waiting for participants to send their commitments...")
	all := map[frost.Identifier]*frost.SigningCommitments{}
	for len(all) < count {
		a, err := s.next(ctx)
		if err != nil {
			return nil, err
		}
		id, c, err := decodeCommitments(s.cs, a.message)
		if err == nil {
			err = isNewSigner(public, all, id)
		}
		if err != nil {
			s.log("Dropped a message: %v", err)
			continue
		}
		all[id], s.chose[id] = c, a.from
	}
	return all, nil
}

func (s *server) shares(ctx context.Context, pkg *frost.SigningPackage) (map[frost.Identifier]*frost.SignatureShare, error) {
	s.log("Sending SigningPackage to participants...")
	for id, conn := range s.chose {
		if err := writeFrame(conn, encodePackage(pkg)); err != nil {
			return nil, fmt.Errorf("sending the signing package to %s: %w", id, err)
		}
	}
	s.log("Waiting for participants to send their SignatureShares...")
	all := map[frost.Identifier]*frost.SignatureShare{}
	for len(all) < len(s.chose) {
		a, err := s.next(ctx)
		if err != nil {
			return nil, err
		}
		share, err := decodeShare(s.cs, a.message)
		if err != nil {
			s.log("Dropped a message: %v", err)
			continue
		}
		for id, conn := range s.chose {
			if conn == a.from && all[id] == nil {
				all[id], s.answered[id] = share, true
				break
			}
		}
	}
	return all, nil
}

// ErrUnreachable is what [Participate] fails with when there is no connection to the coordinator.
var ErrUnreachable = errors.New("reaching the coordinator")

// bySocket signs with a coordinator at the other end of a connection.
func (config *Participant) bySocket(ctx context.Context, c *Console, signer *frost.Signer) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", config.Address)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreachable, cmp.Or(context.Cause(ctx), err))
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	c.log("Connected to server at %s", conn.RemoteAddr())
	if err := writeFrame(conn, encodeCommitments(signer.Identifier(), signer.Commitments())); err != nil {
		return fmt.Errorf("sending the commitments: %w", err)
	}
	message, err := readFrame(bufio.NewReader(conn))
	if err != nil {
		return fmt.Errorf("waiting for the signing package: %w", cmp.Or(context.Cause(ctx), err)) // ctx has closed it
	}
	c.log("Received: %s", printable(message))
	pkg, err := decodePackage(config.Ciphersuite, message)
	if err != nil {
		return fmt.Errorf("reading the signing package: %w", err)
	}
	share, err := config.sign(ctx, c, signer, pkg)
	if err != nil {
		return err
	}
	if err := writeFrame(conn, encodeShare(share)); err != nil {
		return fmt.Errorf("sending the signature share: %w", err)
	}
	return nil
}
