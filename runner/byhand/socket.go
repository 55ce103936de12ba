package byhand

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"

	"frostkit/frost"
	"frostkit/internal/shown"
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

	signers map[frost.Identifier]*signer // who are chosen
	waiting map[frost.Identifier]*signer // who are not, and would sign
	void    []*frost.SigningPackage      // that were sent before somebody went
}

// signer is somebody whose commitments are taken. They serve for the next package as long as it has not
// signed an earlier one.
type signer struct {
	conn        net.Conn
	commitments *frost.SigningCommitments
	share       *frost.SignatureShare // nil before it has signed
}

// arrival is a message of a signer, or the end of its connection.
type arrival struct {
	from    net.Conn
	message []byte
	err     error
}

// ErrListening is what [Coordinate] fails with when signers cannot connect.
var ErrListening = errors.New("waiting for signers")

func listen(ctx context.Context, c *Console, config Coordinator) (*server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", config.Address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrListening, err)
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
		conns: map[net.Conn]bool{}, signers: map[frost.Identifier]*signer{}, waiting: map[frost.Identifier]*signer{},
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

// next returns the next message of a signer, or the end of its connection.
func (s *server) next(ctx context.Context) (arrival, error) {
	select {
	case a := <-s.arrived:
		if a.err == nil {
			s.log("Received: %s", shown.Line(string(a.message), shown.MaxLine))
		} else {
			s.log("Client disconnected")
		}
		return a, nil
	case <-ctx.Done():
		return arrival{}, ctx.Err()
	}
}

// of returns which chosen signer a connection is of.
func (s *server) of(conn net.Conn) (frost.Identifier, *signer) {
	for id, signer := range s.signers {
		if signer.conn == conn {
			return id, signer
		}
	}
	return frost.Identifier{}, nil
}

// forget waits anew for a signer, who is to start its part again.
func (s *server) forget(id frost.Identifier, why string) {
	delete(s.signers, id)
	s.log("The signer %s %s. Waiting for it to be started again.", id, why)
}

// commitments takes those of the first signers who send any, and keeps those of signers who are
// there and have not signed. What is none, or of nobody in the group, is dropped.
func (s *server) commitments(ctx context.Context, public *frost.PublicKeyPackage, count int) (map[frost.Identifier]*frost.SigningCommitments, error) {
	s.log("Waiting for participants to send their commitments...")
	for s.fill(count); len(s.signers) < count; s.fill(count) {
		a, err := s.next(ctx)
		if err != nil {
			return nil, err
		}
		switch id, known := s.of(a.from); {
		case known != nil && a.err != nil:
			s.forget(id, "has gone")
		case known != nil:
			s.forget(id, "has signed a package that is void")
		default:
			s.offered(public, a)
		}
	}
	all := map[frost.Identifier]*frost.SigningCommitments{}
	for id, signer := range s.signers {
		all[id] = signer.commitments
	}
	return all, nil
}

// fill chooses signers among those who wait.
func (s *server) fill(count int) {
	for id, signer := range s.waiting {
		if s.signers[id] == nil && len(s.signers) < count {
			s.signers[id] = signer
			delete(s.waiting, id)
		}
	}
}

// offered takes what comes from somebody who is not chosen: commitments, or the end of a connection. A signer who
// is started again may be here before its old connection ends.
func (s *server) offered(public *frost.PublicKeyPackage, a arrival) {
	for id, signer := range s.waiting {
		if a.err != nil && signer.conn == a.from {
			delete(s.waiting, id)
		}
	}
	if a.err != nil {
		return
	}
	id, c, err := decodeCommitments(s.cs, a.message)
	if _, member := public.VerifyingShare(id); err == nil && !member {
		err = fmt.Errorf("%s is not in the group", id)
	}
	if err != nil {
		s.log("Dropped a message: %v", err)
		return
	}
	s.waiting[id] = &signer{conn: a.from, commitments: c}
}

// shares sends the package and takes the signers' shares. When one goes before it has signed, all who
// have signed have to begin again as well: their nonces are spent.
func (s *server) shares(ctx context.Context, pkg *frost.SigningPackage, public *frost.PublicKeyPackage) (map[frost.Identifier]*frost.SignatureShare, error) {
	s.log("Sending SigningPackage to participants...")
	for _, id := range pkg.Identifiers() {
		if err := writeFrame(s.signers[id].conn, encodePackage(pkg)); err != nil {
			return nil, s.beginAgain(pkg, id, "has gone")
		}
	}
	s.log("Waiting for participants to send their SignatureShares...")
	all := map[frost.Identifier]*frost.SignatureShare{}
	for len(all) < len(s.signers) {
		a, err := s.next(ctx)
		if err != nil {
			return nil, err
		}
		id, from := s.of(a.from)
		switch {
		case from == nil:
			s.offered(public, a)
			continue
		case from.share != nil:
			continue
		case a.err != nil:
			return nil, s.beginAgain(pkg, id, "has gone before it signed")
		}
		share, err := decodeShare(s.cs, a.message)
		if err != nil {
			s.log("Dropped a message: %v", err)
			continue
		}
		if s.isVoid(id, share, pkg, public) {
			return nil, s.beginAgain(pkg, id, "has signed a package that is void")
		}
		all[id], from.share = share, share
	}
	return all, nil
}

// isVoid reports whether a share is that of an earlier package.
func (s *server) isVoid(id frost.Identifier, share *frost.SignatureShare, pkg *frost.SigningPackage, public *frost.PublicKeyPackage) bool {
	if len(s.void) == 0 || frost.VerifySignatureShare(id, share, pkg, public) == nil {
		return false
	}
	return slices.ContainsFunc(s.void, func(old *frost.SigningPackage) bool {
		return slices.Contains(old.Identifiers(), id) && frost.VerifySignatureShare(id, share, old, public) == nil
	})
}

// beginAgain forgets one who has gone, and all whose nonces are spent.
func (s *server) beginAgain(pkg *frost.SigningPackage, gone frost.Identifier, why string) error {
	s.void = append(s.void, pkg)
	s.forget(gone, why)
	for _, id := range pkg.Identifiers() {
		if signer := s.signers[id]; signer != nil && signer.share != nil {
			s.forget(id, "has signed together with it, and has to sign once more")
		}
	}
	return errOnceMore
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
	packages := config.receivePackages(c, conn)
	share, err := config.signNewest(ctx, c, signer, packages)
	if err != nil {
		return err
	}
	if err := writeFrame(conn, encodeShare(share)); err != nil {
		return fmt.Errorf("sending the signature share: %w", err)
	}
	return nil
}

// offer is a signing package of the coordinator, or why there are no more.
type offer struct {
	pkg *frost.SigningPackage
	err error
}

// receivePackages reads what the coordinator sends until the connection is closed. Only the newest one counts:
// it sends another one when a signer has gone.
func (config *Participant) receivePackages(c *Console, conn net.Conn) <-chan offer {
	offers := make(chan offer, 1)
	put := func(o offer) {
		select {
		case <-offers: // an older one
		default:
		}
		offers <- o
	}
	go func() {
		in := bufio.NewReader(conn)
		for {
			message, err := readFrame(in)
			if err != nil {
				put(offer{err: fmt.Errorf("the connection to the coordinator has ended: %w", err)})
				return
			}
			pkg, err := decodePackage(config.Ciphersuite, message)
			if err != nil {
				err = fmt.Errorf("reading the signing package: %w", err)
			}
			put(offer{pkg, err})
			c.log("Received: %s", shown.Line(string(message), shown.MaxLine))
			if err != nil {
				return
			}
		}
	}()
	return offers
}

// signNewest asks about the message, and once more where a newer package has another one.
func (config *Participant) signNewest(ctx context.Context, c *Console, signer *frost.Signer, offers <-chan offer) (*frost.SignatureShare, error) {
	pkg, err := await(ctx, offers)
	for err == nil {
		if err = config.consent(ctx, c, pkg); err != nil {
			break
		}
		select {
		case newer := <-offers:
			if newer.err != nil {
				return nil, newer.err
			}
			agreed := bytes.Equal(newer.pkg.Message(), pkg.Message())
			if pkg = newer.pkg; !agreed {
				continue
			}
		default:
		}
		return signer.Sign(pkg)
	}
	return nil, err
}

func await(ctx context.Context, offers <-chan offer) (*frost.SigningPackage, error) {
	select {
	case o := <-offers:
		if o.err != nil && ctx.Err() != nil { // which has closed the connection
			return nil, context.Cause(ctx)
		}
		return o.pkg, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
