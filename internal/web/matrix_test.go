package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"hone"
	"hone/internal/op"
	"hone/internal/web"
)

// somewhere fills in a route's names: those of a model, and of what would be its.
func somewhere(pattern, model string) string {
	return strings.NewReplacer("{model}", model, "{run}", model+"-1", "{prediction_id}", model, "{dataset}", model, "{version}", "v1", "{file...}", "hone.json", "{principal}", "nobody").Replace(pattern)
}

var strangers atomic.Int64

// from asks from an address of its own, as somebody does who has not been seen:
// each may bring a few bad tokens. The body is not read: a stream has no end.
func (w *world) from(t *testing.T, method, path, tok string) int {
	t.Helper()
	n := strangers.Add(1)
	dial := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(n>>8), byte(n))}}
	transport := &http.Transport{DialContext: dial.DialContext, DisableKeepAlives: true}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, w.base+path, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	as(tok)(req)
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// TestAccess asks every route as everybody, on a server that lets in who has no
// token and on one that does not, and holds what comes of it against
// testdata/access.txt. What is named in a path is not there, so that nothing
// moves and 404 says that the caller was let in. A new route stands there once
// -update has written it: read the difference.
func TestAccess(t *testing.T) {
	t.Parallel()
	closed, err := open(filepath.Join(t.TempDir(), "data"), "anonymous: none")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(closed.close)
	who := []string{"viewer", "operator", "approver", "admin", "robot", "predictor", "feedback", "trainer", "agent", "price-viewer", "price-operator", "expired", "revoked"}
	var b strings.Builder
	fmt.Fprintf(&b, "%-6s %-50s %-10s %-9s %s", "", "", "work of", "no token", "none let in")
	for _, name := range who {
		fmt.Fprintf(&b, " %s", name)
	}
	b.WriteString("\n")
	for _, r := range web.Routes() {
		if !slices.ContainsFunc(op.Grants(), func(g op.Grant) bool { return g.Role == r.Role }) && r.Role != web.Everyone && r.Role != web.Known {
			t.Errorf("%s %s is the work of %q, which is no role", r.Method, r.Path, r.Role)
		}
		path := somewhere(r.Path, "nothing")
		fmt.Fprintf(&b, "%-6s %-50s %-10s %-9d %-11d", r.Method, r.Path, r.Role, shared.from(t, r.Method, path, ""), closed.from(t, r.Method, path, ""))
		for _, name := range who {
			fmt.Fprintf(&b, " %-*d", len(name), closed.from(t, r.Method, path, tokenOf(name)))
		}
		b.WriteString("\n")
	}
	got := strings.ReplaceAll(b.String(), " \n", "\n")
	if *update {
		if err := os.WriteFile("testdata/access.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/access.txt")
	if err != nil || got != string(want) {
		t.Errorf("who may do what has changed: %v\n%s", err, got)
	}
}

// TestDetours goes to every route without a token by addresses that are nearly
// its own: nobody gets in by them.
func TestDetours(t *testing.T) {
	t.Parallel()
	closed, err := open(filepath.Join(t.TempDir(), "data"), "anonymous: none")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(closed.close)
	for _, r := range web.Routes() {
		if r.Role == web.Everyone {
			continue
		}
		path := somewhere(r.Path, "fraud")
		cut := strings.LastIndex(path, "/")
		if cut == 0 {
			continue // The middle of /v2 and /metrics is their beginning.
		}
		for _, detour := range []string{path, path + "/", "/" + path, strings.ToUpper(path), path[:cut] + "//" + path[cut+1:], path[:cut] + "%2f" + path[cut+1:], path[:cut] + "/./" + path[cut+1:],
			"/x/.." + path, "/x/%2e%2e" + path, path + "%00", path + ";x=1", path + "?token=" + token(op.Admin), path + "%20", "/v2/health/live/.." + path, "/v2/health/live%2f.." + path} {
			for _, method := range []string{r.Method, "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"} {
				got := closed.ask(t, method, detour, "", nil)
				switch {
				case got.status == http.StatusOK && strings.HasPrefix(got.header.Get("Content-Type"), "text/html"): // The page, which holds nothing.
				case got.status == http.StatusOK && strings.HasPrefix(detour, "/v2/health/live") && strings.Contains(got.body, `"live"`):
				case got.status < 300:
					t.Errorf("%s %s: %d %.100s", method, detour, got.status, got.body)
				}
			}
		}
	}
}

// TestWeakTokens brings what is no token, in every way there is.
func TestWeakTokens(t *testing.T) {
	t.Parallel()
	owner, err := os.ReadFile(filepath.Join(shared.dir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	good := string(owner)
	if len(good) < 64 || !strings.HasPrefix(good, "hone_") {
		t.Fatalf("the owner's token has %d characters", len(good))
	}
	bad := []string{"", " ", "Bearer", "Bearer ", "Bearer  ", "bearer hone_", "Basic b3duZXI6b3duZXI=", "Bearer admin", "Bearer owner", "Bearer null", "Bearer undefined", "Bearer hone",
		"Bearer " + good[:len(good)-1], "Bearer " + good + "0", "Bearer " + strings.ToUpper(good), "Bearer " + good + "," + good, "Bearer x" + good, good, "Token " + good, "Bearer\t" + good,
		"Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJvd25lciJ9.", "Bearer ' OR 1=1 --", "Bearer %00", "Bearer " + strings.Repeat("a", 20000), "Bearer ../../token"}
	for i, h := range bad {
		got := shared.ask(t, "GET", "/api/v1/status", "", func(r *http.Request) {
			r.Header["Authorization"] = []string{h}
		})
		if got.status == http.StatusTooManyRequests {
			continue // As many as this come only from who guesses.
		}
		if got.status != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%d, %.60q: status %d", i, h, got.status)
		}
		problem(t, h[:min(len(h), 40)], got)
	}
	for _, twice := range [][]string{{"Bearer " + good, "Bearer x"}, {"Bearer x", "Bearer " + good}} {
		got := shared.ask(t, "GET", "/api/v1/status", "", func(r *http.Request) { r.Header["Authorization"] = twice })
		if got.status != http.StatusUnauthorized && got.status != http.StatusTooManyRequests {
			t.Errorf("two headers: status %d", got.status)
		}
	}
	for _, h := range []string{"Bearer " + good, "bearer  " + good + " "} {
		if got := shared.ask(t, "GET", "/api/v1/principals", "", header("Authorization", h)); got.status != http.StatusOK {
			t.Errorf("the owner's token, %d characters: status %d %s", len(h), got.status, got.body)
		}
	}
}

// TestGuessing brings bad tokens until they are not even looked at; a good token
// from the same place is, all the while.
func TestGuessing(t *testing.T) {
	t.Parallel()
	w := fresh(t)
	held := 0
	for range 100 {
		got := w.ask(t, "GET", "/api/v1/status", "", as("guess"))
		switch got.status {
		case http.StatusTooManyRequests:
			held++
			if got.header.Get("Retry-After") == "" || problem(t, "a guess", got)["code"] != "overloaded" {
				t.Fatalf("%v %s", got.header, got.body)
			}
		case http.StatusUnauthorized:
		default:
			t.Fatalf("status %d", got.status)
		}
		if got := w.ask(t, "GET", "/api/v1/status", "", as(token(op.Viewer))); got.status != http.StatusOK {
			t.Fatalf("a good token: status %d", got.status)
		}
	}
	if held == 0 {
		t.Error("100 guesses were all looked at")
	}
}

// TestFlood asks for more changes than a person makes.
func TestFlood(t *testing.T) {
	t.Parallel()
	w, held := fresh(t), 0
	for range 200 {
		if got := w.ask(t, "POST", "/api/v1/models/fraud/runs", "{}", as(token(op.Operator))); got.status == http.StatusTooManyRequests {
			held++
		} else if got.status != http.StatusConflict {
			t.Fatalf("status %d %s", got.status, got.body)
		}
	}
	if held == 0 {
		t.Error("200 runs in a row were all looked at")
	}
	if got := w.ask(t, "POST", "/api/v1/models/fraud/feedback", `{"feedback":[{"prediction_id":"f-1","label":1}]}`, as(token(op.Operator))); got.status != http.StatusOK {
		t.Errorf("data is held up too: %d %s", got.status, got.body)
	}
}

// TestOthersModels brings a token that is held to one model to the things of
// another: each is as if it were not there.
func TestOthersModels(t *testing.T) {
	t.Parallel()
	admin := as(token(op.Admin))
	var run hone.Run
	if err := json.Unmarshal([]byte(shared.ask(t, "GET", "/api/v1/runs/fraud-1", "", admin).body), &run); err != nil || run.Dataset == "" {
		t.Fatalf("%+v, %v", run, err)
	}
	real := strings.NewReplacer("{model}", "fraud", "{run}", "fraud-1", "{prediction_id}", "p-1", "{dataset}", string(run.Dataset), "{version}", string(run.Candidate))
	none := strings.NewReplacer("{model}", "freud", "{run}", "freud-1", "{prediction_id}", "p-x", "{dataset}", strings.Repeat("0", 64), "{version}", string(run.Candidate))
	names := strings.NewReplacer("fraud", "freud", "p-1", "p-x", string(run.Dataset), strings.Repeat("0", 64))
	asked := 0
	for _, r := range web.Routes() {
		if real.Replace(r.Path) == r.Path {
			continue
		}
		for _, role := range []op.Role{op.Viewer, op.Operator, op.Approver, op.Predictor, op.Feedback, op.Agent, op.Trainer} {
			tok := as(tokenOf("price-" + string(role)))
			got, absent := shared.ask(t, r.Method, real.Replace(r.Path), "{}", tok), shared.ask(t, r.Method, none.Replace(r.Path), "{}", tok)
			if got.status != absent.status || names.Replace(got.body) != absent.body {
				t.Errorf("%s %s as %s of price:\n%d %s\nand where it is not there:\n%d %s", r.Method, real.Replace(r.Path), role, got.status, got.body, absent.status, absent.body)
			}
			if got.status < 400 || strings.Contains(got.body, "amount") {
				t.Errorf("%s %s as %s of price: %d %.200s", r.Method, real.Replace(r.Path), role, got.status, got.body)
			}
			if got.status == http.StatusNotFound {
				asked++
			}
		}
	}
	if asked < 20 {
		t.Errorf("only %d were let in as far as their models", asked)
	}
	viewer := as(tokenOf("price-viewer"))
	for _, path := range []string{"/api/v1/status", "/api/v1/audit?limit=10000", "/api/v1/audit?limit=3", "/api/v1/models/price", "/api/v1/models/price/runs"} {
		if got := shared.ask(t, "GET", path, "", viewer); got.status != http.StatusOK || strings.Contains(got.body, "fraud") {
			t.Errorf("%s: %d %.300s", path, got.status, got.body)
		}
	}
	for _, path := range []string{"/metrics", "/api/v1/config", "/api/v1/doctor"} {
		if got := shared.ask(t, "GET", path, "", viewer); got.status != http.StatusForbidden || strings.Contains(got.body, "fraud") {
			t.Errorf("%s: %d %.300s", path, got.status, got.body)
		}
	}
	for _, query := range []string{"/api/v1/audit?model=fraud", "/api/v1/trace/p-1?model=fraud"} {
		if got := shared.ask(t, "GET", query, "", viewer); got.status != http.StatusNotFound {
			t.Errorf("%s: %d %.200s", query, got.status, got.body)
		}
	}
}

// TestRows has single rows shown to who was given them, and the chain behind
// them to others.
func TestRows(t *testing.T) {
	t.Parallel()
	for name, shown := range map[string]bool{"": false, "viewer": false, "operator": false, "approver": false, "agent": false, "reader": true, "admin": true} {
		tok := ""
		if name != "" {
			tok = tokenOf(name)
		}
		got := shared.ask(t, "GET", "/api/v1/trace/p-1", "", as(tok))
		var tr op.Trace
		if err := json.Unmarshal([]byte(got.body), &tr); err != nil || got.status != http.StatusOK {
			t.Fatalf("%s: %d %s", name, got.status, got.body)
		}
		if rows := len(tr.Features) > 0 && tr.Label != "" && len(tr.Feedback) > 0; rows != shown || (tr.Withheld == "") != shown || strings.Contains(got.body, "It turned out") != shown {
			t.Errorf("%q sees %s", name, got.body)
		}
		if tr.Version == nil || tr.Run == nil || len(tr.Steps) < 4 {
			t.Errorf("%q does not see the chain: %s", name, got.body)
		}
	}
}
