package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"hone"
	"hone/internal/op"
)

// call does a request as the principal of a name, or with a token as it stands.
func (w *world) call(t *testing.T, who, method, path, body string) (int, string) {
	t.Helper()
	tok := tokenOf(who)
	if strings.HasPrefix(who, "hone_") {
		tok = who
	}
	got := w.ask(t, method, path, body, as(tok))
	if got.status >= 400 {
		problem(t, method+" "+path, got)
	}
	return got.status, got.body
}

// TestPrincipals lets people in, gives them new tokens, and shows them out.
func TestPrincipals(t *testing.T) {
	t.Parallel()
	w := fresh(t)
	add := func(name, body string, status int, says string) string {
		t.Helper()
		got, text := w.call(t, "admin", "POST", "/api/v1/principals/"+name, body)
		if got != status || !strings.Contains(text, says) {
			t.Fatalf("add %s %s: %d %s, want %d %s", name, body, got, text, status, says)
		}
		var out op.Token
		if status == http.StatusOK {
			if err := json.Unmarshal([]byte(text), &out); err != nil || len(out.Token) != 69 || !strings.HasPrefix(out.Token, "hone_") {
				t.Fatalf("%s has the token %q, %v", name, out.Token, err)
			}
		}
		return out.Token
	}
	status := func(tok string, want int, says string) {
		t.Helper()
		if got, text := w.call(t, tok, "GET", "/api/v1/status", ""); got != want || !strings.Contains(text, says) {
			t.Errorf("status with %.12s: %d %s, want %d %s", tok, got, text, want, says)
		}
	}
	first := add("ada", `{"role":"viewer","models":["price"],"expires":"90d"}`, 200, "admin let ada in, as viewer, for price, until ")
	status(first, 200, `"price"`)
	add("ada", `{"role":"viewer"}`, 409, "is a principal already")
	add("bob", `{"role":"boss"}`, 400, "viewer, operator, approver")
	add("bob", `{"role":"anonymous"}`, 400, "is no role")
	add("bob", `{}`, 400, "is given no role")
	add("bob", `{"role":"predictor","kind":"person"}`, 400, "is a machine's")
	add("bob", `{"role":"approver","kind":"service"}`, 400, "a service never approves")
	add("bob", `{"role":"viewer","kind":"dog"}`, 400, "person or service")
	add("bob", `{"role":"feedback","data":true}`, 400, "reads nothing")
	add("bob", `{"role":"admin","models":["price"]}`, 400, "not held to some models")
	add("bob", `{"role":"viewer","models":["pryce"]}`, 404, "there is no model")
	add("bob", `{"role":"viewer","expires":"-1h"}`, 400, "is not a duration")
	for _, name := range []string{"Bob", "b%20b", "hone", "anonymous", "..%2fowner", "-b", strings.Repeat("b", 64), "b%00", "owner", "%C3%BC"} {
		if got, text := w.call(t, "admin", "POST", "/api/v1/principals/"+name, `{"role":"viewer"}`); got != 400 && got != 409 {
			t.Errorf("a principal named %s: %d %s", name, got, text)
		}
	}

	stream, err := w.listenAs(first)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.close()
	if name, _, data, err := stream.next(); err != nil || name != "status" || strings.Contains(data, "fraud") {
		t.Errorf("%s %s %v", name, data, err)
	}
	got, text := w.call(t, "admin", "POST", "/api/v1/principals/ada/rotate", "")
	var second op.Token
	if err := json.Unmarshal([]byte(text), &second); err != nil || got != 200 {
		t.Fatalf("rotate: %d %s", got, text)
	}
	status(first, 401, "nobody has this token")
	status(second.Token, 200, `"price"`)
	for {
		if _, _, _, err := stream.next(); err != nil {
			break // The stream ended with the token that opened it.
		}
	}
	if got, text = w.call(t, "admin", "POST", "/api/v1/principals/ada/revoke", ""); got != 200 || !strings.Contains(text, "admin revoked ada") {
		t.Errorf("revoke: %d %s", got, text)
	}
	status(second.Token, 401, "nobody has this token")
	for _, act := range []string{"rotate", "revoke"} {
		if got, text = w.call(t, "admin", "POST", "/api/v1/principals/ada/"+act, ""); !strings.Contains(text, "was revoked") {
			t.Errorf("%s of who was revoked: %d %s", act, got, text)
		}
	}
	if got, text = w.call(t, "admin", "POST", "/api/v1/principals/owner/rotate", ""); got != 409 || !strings.Contains(text, "take the file token away") {
		t.Errorf("rotate the owner: %d %s", got, text)
	}

	// All is on record, and no token is.
	_, chain := w.call(t, "admin", "GET", "/api/v1/audit?limit=10000", "")
	_, list := w.call(t, "admin", "GET", "/api/v1/principals", "")
	for _, want := range []string{"principal.added", "principal.rotated", "principal.revoked", "admin let ada in", "admin gave ada a new token", "admin revoked ada"} {
		if !strings.Contains(chain, want) {
			t.Errorf("the audit chain does not have %q", want)
		}
	}
	for _, secret := range []string{first, second.Token, "hone_"} {
		if strings.Contains(chain, secret) || strings.Contains(list, secret) {
			t.Errorf("%.10s… is on record", secret)
		}
	}
	if !strings.Contains(list, "last_used") || !strings.Contains(list, `"principal":"ada"`) {
		t.Errorf("principals: %s", list)
	}

	// The last admin stays.
	for _, name := range []string{"robot", "owner"} {
		if got, text := w.call(t, "admin", "POST", "/api/v1/principals/"+name+"/revoke", ""); got != 200 {
			t.Errorf("revoke %s: %d %s", name, got, text)
		}
	}
	if got, text := w.call(t, "admin", "POST", "/api/v1/principals/admin/revoke", ""); got != 409 || !strings.Contains(text, "last admin") {
		t.Errorf("revoke the last admin: %d %s", got, text)
	}
	status("admin", 200, "fraud")
}

const watched = `version: 1
server: {data: %q, listen: "127.0.0.1:0"}
models:
  credit:
    task: regression
    features: {size: number}
    label: {name: price}
    approval: manual
    four_eyes: true
    triggers: [{data_volume: 5000}]
    guards: {cooldown: 0s}
`

// TestFourEyes takes a model round that lets nobody release what is their own,
// and lets a hundred approve and promote at once.
func TestFourEyes(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	w, err := openWith(dir, fmt.Sprintf(watched, dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	events := w.events(t, "0")
	until := func(action string) {
		t.Helper()
		if _, err := events.until(func(_ string, e hone.Event) bool { return e.Action == action }); err != nil {
			t.Fatalf("%s: %v", action, err)
		}
	}
	var rows []map[string]any
	for i := range 400 {
		rows = append(rows, map[string]any{"prediction_id": fmt.Sprintf("h-%d", i), "time": fmt.Sprintf("2024-01-01T%02d:%02d:00Z", i/60, i%60), "features": map[string]any{"size": i % 17}, "label": 2 * (i % 17)})
	}
	if err := w.post("credit/history", map[string]any{"rows": rows}); err != nil {
		t.Fatal(err)
	}
	until("run.awaiting_approval")
	artefact := func(run string) string {
		t.Helper()
		var r hone.Run
		var list op.VersionList
		_, a := w.call(t, "viewer", "GET", "/api/v1/runs/"+run, "")
		_, b := w.call(t, "viewer", "GET", "/api/v1/models/credit/versions", "")
		if err := json.Unmarshal([]byte(a), &r); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(b), &list); err != nil {
			t.Fatal(err)
		}
		for _, v := range list.Versions {
			if v.ID == r.Candidate {
				return fmt.Sprintf(`{"artefact":%q}`, v.Artefact)
			}
		}
		t.Fatalf("%s has no candidate: %s", run, a)
		return ""
	}
	refused := func(who, path, body string, status int, says string) {
		t.Helper()
		if got, text := w.call(t, who, "POST", path, body); got != status || !strings.Contains(text, says) {
			t.Errorf("%s %s: %d %s, want %d %s", who, path, got, text, status, says)
		}
	}
	// once has a hundred do the same at the same time: one of them does it.
	once := func(who, path, body string) {
		t.Helper()
		var wait sync.WaitGroup
		got := make([]int, 100)
		for i := range got {
			wait.Go(func() { got[i] = w.ask(t, "POST", path, body, as(tokenOf(who))).status })
		}
		wait.Wait()
		counts := map[int]int{}
		for _, status := range got {
			counts[status]++
		}
		if counts[200] != 1 || counts[409]+counts[429] != 99 {
			t.Errorf("%s a hundred times: %v", path, counts)
		}
	}
	owner := w.app.Token()
	first := artefact("credit-1")
	refused("operator", "/api/v1/runs/credit-1/approve", first, 403, "needs the role approver")
	refused("robot", "/api/v1/runs/credit-1/approve", first, 403, "is for people")
	refused(owner, "/api/v1/runs/credit-1/approve", first, 403, "owner applied a configuration that credit-1 ran under")
	refused("approver", "/api/v1/runs/credit-1/approve", `{}`, 400, "names the artefact")
	refused("approver", "/api/v1/runs/credit-1/approve", `{"artefact":"00"}`, 409, "the candidate is")
	once("approver", "/api/v1/runs/credit-1/approve", first)
	until("run.promoted")
	refused("approver2", "/api/v1/runs/credit-1/approve", first, 409, "is not under way")

	refused("agent", "/api/v1/models/credit/runs", `{"force":true}`, 403, "may not force")
	refused("approver2", "/api/v1/models/credit/runs", `{"force":true}`, 403, "needs the role operator")
	var asked, labels []map[string]any
	for i := range 400 {
		id := fmt.Sprintf("p-%d", i)
		asked = append(asked, map[string]any{"prediction_id": id, "features": map[string]any{"size": i % 17}})
		labels = append(labels, map[string]any{"prediction_id": id, "label": 3 * (i % 17)})
	}
	for path, body := range map[string]any{"credit/predict": map[string]any{"rows": asked}, "credit/feedback": map[string]any{"feedback": labels}} {
		if err := w.post(path, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.app.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := events.status(func(s op.Status) bool { return s.Models[0].Labels >= 400 }); err != nil {
		t.Fatal(err)
	}
	if got, text := w.call(t, "admin", "POST", "/api/v1/models/credit/runs", `{"force":true}`); got != 200 {
		t.Fatalf("run: %d %s", got, text)
	}
	until("run.awaiting_approval")
	second := artefact("credit-2")
	refused("approver2", "/api/v1/runs/credit-1/approve", second, 409, "is not under way")
	if first != second {
		refused("approver2", "/api/v1/runs/credit-2/approve", first, 409, "the candidate is")
	}
	refused("admin", "/api/v1/runs/credit-2/approve", second, 403, "admin started credit-2")
	once("approver3", "/api/v1/runs/credit-2/approve", second)
	until("run.shadow")
	refused("admin", "/api/v1/runs/credit-2/promote", "", 403, "admin started credit-2")
	refused(owner, "/api/v1/runs/credit-2/promote", "", 403, "owner applied")
	once("approver4", "/api/v1/runs/credit-2/promote", "")
	until("run.promoted")
	if got, text := w.call(t, "admin", "POST", "/api/v1/models/credit/rollback", ""); got != 200 {
		t.Errorf("rollback: %d %s", got, text)
	}
}
