package relay

import (
	"encoding/hex"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"frostkit/commkey"
	"frostkit/internal/testlog"
)

// TestLogsHideTokensKeysAndMessages runs a session with everything that goes
// wrong in it, with all there is to log, and looks for what must not be there.
func TestLogsHideTokensKeysAndMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buffer testlog.Buffer
		log := slog.New(slog.NewTextHandler(&buffer, &slog.HandlerOptions{Level: slog.LevelDebug}))
		n := &network{}
		store := NewMemoryStore()
		stop := n.serve(t, newTestServer(t, Config{Store: store, Logger: log}))
		alice, bob := n.client(t, log), n.client(t, log)
		ctx := t.Context()
		id := openSession(t, alice, bob)
		message := []byte("a message that nobody else may read")
		to := []commkey.PublicKey{bob.key.Public()}
		must(t, 0, alice.Send(ctx, id, to, message))
		wantReceived(t, bob, id, false, string(message))
		_ = bob.CloseSession(ctx, id)
		_ = alice.Send(ctx, id, []commkey.PublicKey{generate(t).Public()}, message)
		_ = alice.Send(ctx, uuid.New(), to, message)
		_, _ = alice.call(ctx, call{name: "send", body: []byte(sendBody(id.String(), hex.EncodeToString(message)+"0"))})
		_, _ = alice.call(ctx, call{name: "send", body: []byte(`{"recipients":"` + string(message) + `"}`)})
		_, _ = alice.post(ctx, call{name: "send", body: []byte(`{"msg":"` + hex.EncodeToString(message))}, uuid.NewString())
		secrets := []string{alice.token, bob.token}
		time.Sleep(2 * time.Hour) // the tokens expire
		stop()
		go func() {
			time.Sleep(time.Second)
			t.Cleanup(n.serve(t, newTestServer(t, Config{Store: store, Logger: log})))
		}()
		must(t, 0, alice.Send(ctx, id, to, message))
		must(t, 0, alice.CloseSession(ctx, id))
		secrets = append(secrets, alice.token)
		must(t, 0, alice.Logout(ctx))
		for _, c := range []*Client{alice, bob} {
			secrets = append(secrets, c.key.Public().String(), hex.EncodeToString(c.key.SecretBytes()))
		}
		secrets = append(secrets, string(message), hex.EncodeToString(message))
		searchLog(t, buffer.String(), secrets)
		alice.Close()
		bob.Close()
	})
}

func searchLog(t *testing.T, log string, secrets []string) {
	t.Helper()
	for _, call := range []string{"login", "create_new_session", "send", "receive", "close_session", "logout"} {
		if !strings.Contains(log, "call="+call) {
			t.Errorf("the log has no %s", call)
		}
	}
	if !strings.Contains(log, "trying again") {
		t.Error("the log has no lost connection")
	}
	for _, secret := range secrets {
		if secret == "" || strings.Contains(strings.ToLower(log), strings.ToLower(secret)) {
			t.Errorf("the log has %q:\n%s", secret, log)
		}
	}
}
