package protocol

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"

	"frostkit/commkey"
	"frostkit/relay"
)

// relayed is a relay on loopback, with everybody's clients for a session.
type relayed struct {
	clients map[commkey.PublicKey]*relay.Client
	session relay.SessionID
}

// newRelayed starts a relay, at which the first of the people opens a session.
func newRelayed(t *testing.T, people []person) *relayed {
	t.Helper()
	server, err := relay.NewServer(relay.Config{})
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(server)
	t.Cleanup(func() { server.Close(); listening.Close() })
	r := &relayed{clients: make(map[commkey.PublicKey]*relay.Client)}
	for _, p := range people {
		client, err := relay.NewClient(relay.ClientConfig{URL: listening.URL, Key: p.private})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		r.clients[p.Key] = client
	}
	r.session, err = r.clients[people[0].Key].CreateSession(t.Context(), keys(people), 1)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *relayed) network(p person, coordinator bool) Transport {
	return NewRelayTransport(r.clients[p.Key], r.session, coordinator)
}

func TestOverARelay(t *testing.T) {
	for _, size := range groups {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		people := newPeople(t, size.n)
		r := newRelayed(t, people)
		for i := range people {
			id, err := DKGIdentifier(suite, r.session, people[i].Key)
			if err != nil {
				t.Fatal(err)
			}
			people[i].Identifier = id
		}
		mustAgree(t, people, size.threshold, generate(ctx, people, size.threshold, sealedNetwork(people, r.network), nil))

		g := newGroup(t, size.n, size.threshold)
		r = newRelayed(t, g.people)
		end := g.sign(ctx, sealedNetwork(g.people, r.network), g.people[:size.threshold], [][]byte{[]byte("message")}, nil)
		end.mustVerify(t, g)
		cancel()
	}
}

func TestRelayErrorsEndTheRun(t *testing.T) {
	people := newDKGPeople(t, 2)
	r := newRelayed(t, people)
	r.session = uuid.New() // one that there is not
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for name, end := range generate(ctx, people, 2, sealedNetwork(people, r.network), nil) {
		if end.err == nil || !strings.Contains(end.err.Error(), "session") {
			t.Errorf("%s: %v, want an error about the session", name, end.err)
		}
	}
}
