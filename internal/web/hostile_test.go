package web_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hone/internal/op"
	"hone/internal/web"
)

// canary is what lies beside the data folder, and in no answer.
const canary = "canary-5f1c0a94"

// inside is what no answer shows: stacks, SQL, files of ours and of the
// machine, its environment, and types of Go.
var inside = regexp.MustCompile(`goroutine |\.go:\d|\bSELECT |\bINSERT |(?i:sqlite)|SQL logic|panic|runtime error|\*hone\.|\bop\.[A-Z]|\bmap\[string\]|reflect\.|json: |Go struct|Go value|PATH=|HOME=|token_sha256|hone_[0-9a-f]{16}|root:x:0:0|` + canary)

// wire asks with bytes that no client would send, on one connection at a time.
type wire struct {
	w    *world
	conn net.Conn
	r    *bufio.Reader
}

func (c *wire) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// send writes a request as it stands and reads the answer.
func (c *wire) send(t *testing.T, method, request string) reply {
	t.Helper()
	if c.conn == nil {
		conn, err := net.Dial("tcp", strings.TrimPrefix(c.w.base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		c.conn, c.r = conn, bufio.NewReader(conn)
	}
	if _, err := io.WriteString(c.conn, request); err != nil {
		t.Fatalf("%.100q: %v", request, err)
	}
	res, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%.200q: %v", request, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%.200q: %v", request, err)
	}
	if res.Close {
		c.close()
	}
	return reply{res.StatusCode, res.Header, string(b)}
}

func (c *wire) ask(t *testing.T, method, target, body string) reply {
	t.Helper()
	return c.send(t, method, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		method, target, token(op.Admin), len(body), body))
}

// shut holds an answer to what every answer to hostile input must be.
func shut(t *testing.T, what string, got reply) {
	t.Helper()
	text := got.body + fmt.Sprint(got.header)
	page := got.status == http.StatusOK && !strings.HasPrefix(got.header.Get("Content-Type"), "application/json")
	if found := inside.FindString(text); found != "" && !page {
		t.Errorf("%s: the answer shows %q: %d %.300s", what, found, got.status, text)
	}
	if strings.Contains(text, canary) || strings.Contains(text, shared.dir) || got.status == http.StatusInternalServerError || got.status == http.StatusBadGateway {
		t.Errorf("%s: %d %.300s", what, got.status, text)
	}
}

// traversals leave a folder in every way that was ever found to work somewhere.
func traversals() (out []string) {
	for _, up := range []string{"../", "..%2f", "..%2F", "%2e%2e/", "%2e%2e%2f", "%252e%252e%252f", "..%252f", "..;/", "..%3b/", `..\`, "..%5c", "%2e%2e%5c", "..%255c", "....//", "..././", "..//", "./../",
		"%c0%ae%c0%ae/", "%c0%ae%c0%ae%c0%af", "..%c0%af", "%e0%80%ae%e0%80%ae%2f", "..%ef%bc%8f", "%ef%bc%8e%ef%bc%8e%2f", "..%00/", "..%0d/", "%uff0e%uff0e/", ".%00./"} {
		for _, depth := range []int{1, 2, 3, 4, 6, 9} {
			out = append(out, strings.Repeat(up, depth)+"canary.txt")
		}
		out = append(out, strings.Repeat(up, 2)+"token", strings.Repeat(up, 12)+"etc/passwd")
	}
	for _, at := range []string{"/etc/passwd", "//etc/passwd", "//127.0.0.1/etc/passwd", "file:///etc/passwd", "file://localhost/etc/passwd", "file:%2f%2f%2fetc%2fpasswd", "/proc/self/root/etc/passwd",
		"//proc/self/root/etc/passwd", "/proc/self/environ", "/proc/self/cwd/canary.txt", "/dev/stdin", "~/canary.txt", "C:/canary.txt", `C:\canary.txt`, `\\127.0.0.1\c$\canary.txt`, "http://127.0.0.1/canary.txt",
		"fraud#/../canary.txt", "fraud%23/../../canary.txt", "#/../../canary.txt", "?/../../canary.txt", "%3f/../../canary.txt", "fraud?/..", "fraud%00", "fraud%00.json", "fraud%0a", "fraud/..", "fraud/../price",
		".", "..", "...", "./", "%2e", "%2e%2e", "%2f", "%5c", "%00", "%", "%zz", "%2", "%ff%fe", "*", "fraud*", "[a-z]*", "{}", "${HOME}", "$(id)", "`id`", "%24%7bjndi:ldap%7d", "null", "undefined", "-", "--", "-rf", "v1;v2", "v1%2f..%2fv2", "CON", "nul.txt"} {
		out = append(out, at, strings.ReplaceAll(at, "/", "%2f"))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// unpacked is a payload as who sends JSON writes it.
func unpacked(p string) string {
	if s, err := url.PathUnescape(p); err == nil {
		return s
	}
	return p
}

// tree lists every file under a folder, with its size where it is not the
// server's own.
func tree(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !strings.HasPrefix(p, filepath.Join(dir, "data")) {
			out = append(out, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestTraversal puts every payload in the place of every name that there is: in
// paths, in queries and in bodies. Nothing that lies elsewhere is read, written
// or told. By default each place gets every fourth payload; HONE_TEST_LONG=1
// gives it all.
func TestTraversal(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "data")
	w, err := open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	for _, at := range []string{parent, filepath.Dir(parent), dir} {
		if err := os.WriteFile(filepath.Join(at, "canary.txt"), []byte(canary), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := tree(t, parent)
	payloads := traversals()
	if len(payloads) < 200 {
		t.Fatalf("%d payloads", len(payloads))
	}
	c := &wire{w: w}
	defer c.close()
	n := 0
	name := regexp.MustCompile(`\{[a-z_]+\}`)
	step := 4
	if os.Getenv("HONE_TEST_LONG") != "" {
		step = 1
	}
	for at, r := range web.Routes() {
		holes := name.FindAllString(r.Path, -1)
		for _, hole := range append(holes, "end") {
			for i, p := range payloads {
				if hole == "end" && r.Path != "/" && i%10 != 0 || (i+at)%step != 0 {
					continue // Nothing has a name at the end of another route: a sample does.
				}
				path := strings.Replace(r.Path, hole, p, 1)
				if hole == "end" {
					path = strings.TrimSuffix(r.Path, "/") + "/" + p
				}
				path = somewhere(path, "fraud")
				if r.Method == http.MethodGet && strings.HasPrefix(path, "/api/v1/events") {
					continue // A stream has no end.
				}
				got := c.ask(t, r.Method, path, "")
				n++
				shut(t, r.Method+" "+path, got)
				if got.status >= 300 && got.status < 400 && !strings.HasPrefix(got.header.Get("Location"), "/") {
					t.Errorf("%s leads away to %q", path, got.header.Get("Location"))
				}
			}
		}
	}
	queries := []string{"/api/v1/audit?model=", "/api/v1/audit?after=", "/api/v1/audit/verify?head=", "/api/v1/trace/p-1?model=", "/api/v1/models/fraud/signals?name=", "/api/v1/models/fraud/runs?limit="}
	bodies := []struct{ path, body string }{
		{"models/fraud/feedback", `{"feedback":[{"prediction_id":%s,"label":1,"source":%[1]s}]}`},
		{"models/fraud/predictions", `{"predictions":[{"prediction_id":%s,"version":%[1]s,"unit":%[1]s,"features":{"country":%[1]s}}]}`},
		{"models/fraud/history", `{"rows":[{"prediction_id":%s,"unit":%[1]s,"features":{"country":%[1]s},"time":"2024-01-01T00:00:00Z"}]}`},
		{"models/fraud/predict", `{"prediction_id":%s,"unit":%[1]s,"features":{"country":%[1]s}}`},
	}
	for i, p := range payloads {
		if i%step != 0 {
			continue
		}
		text, err := json.Marshal(strings.ToValidUTF8(unpacked(p), "?"))
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range queries {
			got := c.ask(t, "GET", q+url.QueryEscape(unpacked(p)), "")
			shut(t, q+p, got)
			n++
		}
		for _, b := range bodies {
			got := c.ask(t, "POST", "/api/v1/"+b.path, fmt.Sprintf(b.body, text))
			shut(t, b.path+" "+p, got)
			n++
		}
	}
	if after := tree(t, parent); !slices.Equal(before, after) {
		t.Errorf("files have come or gone:\n%s\nbefore:\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
	}
	t.Logf("%d payloads, %d requests", len(payloads), n)
}

// TestPlaces: only an admin names a place on the server's machine, and none that
// is relative, taken or inside the data folder is used.
func TestPlaces(t *testing.T) {
	t.Parallel()
	w, free := fresh(t), t.TempDir()
	try := func(who, dest string) reply {
		body, err := json.Marshal(map[string]string{"dest": dest})
		if err != nil {
			t.Fatal(err)
		}
		got := w.ask(t, "POST", "/api/v1/backup", string(body), as(tokenOf(who)))
		shut(t, who+" "+strings.ReplaceAll(dest, w.dir, ""), reply{got.status, got.header, strings.ReplaceAll(got.body, w.dir, "")})
		return got
	}
	for _, p := range principals {
		may := p.Name == "admin" || p.Name == "robot"
		if got := try(p.Name, filepath.Join(free, p.Name)); (got.status == http.StatusOK) != may {
			t.Errorf("%s: %d %s", p.Name, got.status, got.body)
		}
	}
	link := filepath.Join(free, "link")
	if err := os.Symlink(w.dir, link); err != nil {
		t.Fatal(err)
	}
	for _, dest := range []string{"", ".", "..", "backup", "../backup", "~/backup", "file:///tmp/x", w.dir, w.dir + "/", w.dir + "/x", w.dir + "/artefacts/tree/x", w.dir + "/../" + filepath.Base(w.dir) + "/x",
		free, filepath.Join(free, "admin"), link, link + "/x", "/proc/self/fd/x", "/dev/null", "/dev/null/x", "x\x00y", "/tmp/x\x00y"} {
		if got := try("admin", dest); got.status == http.StatusOK {
			t.Errorf("a backup went to %q: %s", dest, got.body)
		}
	}
}

// TestInjection sends what would be more than a name in SQL: it is stored and
// found as the name that it is, and nothing else moves.
func TestInjection(t *testing.T) {
	t.Parallel()
	w := fresh(t)
	count := func() string {
		return w.ask(t, "GET", "/api/v1/audit?limit=10000", "", as(token(op.Admin))).body
	}
	before := count()
	admin := as(token(op.Admin))
	for i, s := range []string{"' OR '1'='1", "'; DROP TABLE event; --", `"; DELETE FROM principal; --`, "x' union select hash from principal --", "1); ATTACH DATABASE '/tmp/x.db' AS x; --",
		"p-1'/*", "*/ OR 1=1 /*", "%", "_", "p-%", "p*", "[p]", "\\'; --", "’ OR 1=1", "0x70", "CHAR(112)", "NULL", "?1", ":id", "$1", "@p", "p-1\u0000' OR 1=1", "x'||(select hash from audit)||'"} {
		id, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		got := w.ask(t, "POST", "/api/v1/models/fraud/history", fmt.Sprintf(`{"rows":[{"prediction_id":%s,"time":"2024-01-01T00:00:00Z","features":{"amount":%d,"country":%[1]s},"label":0,"unit":%[1]s}]}`, id, i), admin)
		shut(t, s, got)
		if got.status != http.StatusOK && got.status != http.StatusBadRequest {
			t.Errorf("%q: %d %s", s, got.status, got.body)
		}
		found := w.ask(t, "GET", "/api/v1/trace/"+url.PathEscape(s), "", admin)
		shut(t, s, found)
		var tr op.Trace
		if got.status == http.StatusOK {
			if err := json.Unmarshal([]byte(found.body), &tr); err != nil || string(tr.Prediction.ID) != s || tr.Features["amount"] != float64(i) || tr.Features["country"] != s {
				t.Errorf("%q was stored as %d %s", s, found.status, found.body)
			}
		} else if found.status == http.StatusOK {
			t.Errorf("%q was refused, and is found: %s", s, found.body)
		}
		for _, q := range []string{"/api/v1/audit?model=", "/api/v1/models/fraud/signals?name="} {
			got := w.ask(t, "GET", q+url.QueryEscape(s), "", admin)
			shut(t, q+s, got)
			if got.status == http.StatusOK && strings.Contains(got.body, `"seq"`) {
				t.Errorf("%s%s finds %s", q, s, got.body)
			}
		}
	}
	if after := count(); after != before {
		t.Errorf("the audit chain has become\n%s\nbefore\n%s", after, before)
	}
	if got := w.ask(t, "GET", "/api/v1/principals", "", admin); strings.Count(got.body, `"principal":`) != len(principals)+1 {
		t.Errorf("principals have come or gone: %s", got.body)
	}
}

// TestPipelining sends many requests at once on one connection: each gets its
// own answer, in order.
func TestPipelining(t *testing.T) {
	t.Parallel()
	conn, err := net.Dial("tcp", strings.TrimPrefix(shared.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var all bytes.Buffer
	for i := range 200 {
		body := fmt.Sprintf(`{"prediction_id":"pipe-%d","features":{"amount":%d}}`, i, i)
		fmt.Fprintf(&all, "POST /api/v1/models/fraud/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	go io.Copy(conn, &all)
	r := bufio.NewReader(conn)
	for i := range 200 {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(b), fmt.Sprintf(`"pipe-%d"`, i)) {
			t.Fatalf("answer %d: %d %s, %v", i, res.StatusCode, b, err)
		}
	}
}
