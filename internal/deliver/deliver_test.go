package deliver_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/deliver"
)

// example is the secret of the standard's own example.
const example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func parcel(folder string) deliver.Parcel {
	return deliver.Parcel{ID: "hone-fraud-7", At: noon, Model: "fraud", Plan: 7, Champion: "v3", Challenger: "v4", Weight: 0.5, Salt: "fraud-9", Version: "v4", Folder: folder}
}

func post(t *testing.T) deliver.Post {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte(example+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return deliver.Post{Dir: dir, Data: filepath.Join(dir, "data"), Clock: clock.System{}}
}

func hook(url string, private bool) hone.Model {
	return hone.Model{Name: "fraud", Deliver: hone.Delivery{Webhook: url, Secret: "file:key", Private: private}}
}

// TestSign holds the signature against the example of Standard Webhooks.
func TestSign(t *testing.T) {
	t.Parallel()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(example, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	got := deliver.Sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(example, "whsec_"))
	status, ids, bodies := http.StatusServiceUnavailable, []string{}, []string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		id, at := r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp")
		if want := deliver.Sign(key, id, at, body); err != nil || r.Header.Get("webhook-signature") != want {
			t.Errorf("signature %q, want %q (%v)", r.Header.Get("webhook-signature"), want, err)
		}
		ids, bodies = append(ids, id), append(bodies, string(body))
		if status == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	p := post(t)
	send := func(status2 int) error {
		status = status2
		return p.Deliver(t.Context(), hook(s.URL, true), parcel(""), "")
	}
	if err := send(http.StatusServiceUnavailable); err == nil || !strings.Contains(err.Error(), "answered 503") {
		t.Errorf("a 503 is %v", err)
	}
	if err := send(http.StatusFound); err == nil || !strings.Contains(err.Error(), "not followed") {
		t.Errorf("a redirection is %v", err)
	}
	if err := send(http.StatusNoContent); err != nil {
		t.Errorf("a 204 is %v", err)
	}
	if len(ids) != 3 || ids[0] != ids[2] || bodies[0] != bodies[2] {
		t.Errorf("three tries sent %v, %v", ids, bodies)
	}
	var m struct {
		Type string
		Data deliver.Parcel
	}
	if err := json.Unmarshal([]byte(bodies[0]), &m); err != nil || m.Type != "hone.plan" || m.Data.Version != "v4" || m.Data.Plan != 7 {
		t.Errorf("it sent %s (%v)", bodies[0], err)
	}
	if err := p.Deliver(t.Context(), hook(s.URL+"/?token=abc", false), parcel(""), ""); err == nil || !strings.Contains(err.Error(), "private address") || strings.Contains(err.Error(), "abc") {
		t.Errorf("a private address that was not allowed: %v", err)
	}
	if len(ids) != 3 {
		t.Error("a private address was called")
	}
}

func TestWeakKeys(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"secret", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!"} {
		p := post(t)
		if err := os.WriteFile(filepath.Join(p.Dir, "key"), []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.Deliver(t.Context(), hook("https://models.example.com", false), parcel(""), ""); err == nil || !strings.Contains(err.Error(), "no key of a webhook") {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	p, folder := post(t), t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "model.json"), []byte("weights"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(script string) error {
		m := hone.Model{Name: "fraud", Deliver: hone.Delivery{Command: []string{"/bin/sh", "-c", script}, Timeout: hone.Duration(time.Minute), Env: map[string]hone.Secret{"KEY": "file:key"}}}
		return p.Deliver(t.Context(), m, parcel(folder), filepath.Join(p.Data, "deliveries", "fraud"))
	}
	if err := run(`grep -q '"plan": 7' "$HONE_DELIVERY/plan.json" && grep -q weights "$HONE_ARTEFACT/model.json" && test "$HONE_VERSION/$HONE_MODEL" = v4/fraud && test -n "$KEY"`); err != nil {
		t.Error(err)
	}
	err := run(`echo "no room on $KEY" >&2; exit 3`)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no room on [secret]") {
		t.Errorf("a program that fails is %v", err)
	}
	if _, err := os.Stat(filepath.Join(p.Data, "deliveries", "fraud")); !os.IsNotExist(err) {
		t.Errorf("its folder stays: %v", err)
	}
}
