package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"hone/internal/app"
	"hone/internal/cli"
)

var update = flag.Bool("update", false, "rewrite what the scripts' commands print")

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// desk is a folder in which commands are run.
type desk struct {
	t      *testing.T
	dir    string
	addr   string
	cancel context.CancelFunc
	served chan int
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, dir: t.TempDir()}
	t.Cleanup(d.stop)
	return d
}

// run runs one command line, in which DIR stands for the folder, and returns
// what it printed and its exit status.
func (d *desk) run(stdin string, args ...string) (out, errOut string, status int) {
	d.t.Helper()
	if !slices.Contains(args, "--config") {
		args = append(args, "--config", "DIR/hone.yaml")
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "DIR", d.dir)
	}
	r := app.Commands()
	r.In = strings.NewReader(stdin)
	var o, e bytes.Buffer
	status = cli.Run(d.t.Context(), r, args, &o, &e)
	return o.String(), e.String(), status
}

// ok runs a command that must do what it is to do.
func (d *desk) ok(args ...string) string {
	d.t.Helper()
	out, errOut, status := d.run("", args...)
	if status != 0 || errOut != "" {
		d.t.Fatalf("hone %s: status %d\n%s%s", strings.Join(args, " "), status, out, errOut)
	}
	return out
}

// json runs a command with --json and reads what it prints.
func (d *desk) json(to any, args ...string) {
	d.t.Helper()
	if err := json.Unmarshal([]byte(d.ok(append(args, "--json")...)), to); err != nil {
		d.t.Fatalf("hone %s: %v", strings.Join(args, " "), err)
	}
}

func (d *desk) write(name, text string) string {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

// serve starts `hone serve`, and returns once it answers.
func (d *desk) serve() {
	d.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	d.cancel, d.served = cancel, make(chan int, 1)
	go func() {
		d.served <- cli.Run(ctx, app.Commands(), []string{"serve", "--json", "--listen", "127.0.0.1:0", "--config", filepath.Join(d.dir, "hone.yaml")}, w, io.Discard)
		w.Close()
	}()
	var said struct{ Listening string }
	if err := json.NewDecoder(r).Decode(&said); err != nil {
		d.t.Fatalf("serve said nothing: %v", err)
	}
	d.addr = "http://" + said.Listening
}

// stop ends the server as Ctrl-C does.
func (d *desk) stop() {
	if d.cancel == nil {
		return
	}
	d.cancel()
	d.cancel = nil
	if status := <-d.served; status != 0 {
		d.t.Errorf("serve ended with %d", status)
	}
}

// wait reads the server's events until one of them holds the text.
func (d *desk) wait(text string) {
	d.t.Helper()
	ctx, cancel := context.WithCancel(d.t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.addr+"/api/v1/events", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Last-Event-ID", "0")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	scan := bufio.NewScanner(res.Body)
	scan.Buffer(nil, 16<<20)
	for scan.Scan() {
		if strings.Contains(scan.Text(), text) {
			return
		}
	}
	d.t.Fatalf("%s never came: %v", text, scan.Err())
}

// predict asks the model fraud once.
func (d *desk) predict(id, amount string) {
	d.t.Helper()
	body := fmt.Sprintf(`{"prediction_id":%q,"features":{"amount":%s,"country":"DE"}}`, id, amount)
	res, err := http.Post(d.addr+"/api/v1/models/fraud/predict", "application/json", strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
		d.t.Fatalf("predict: %d %s %v", res.StatusCode, b, err)
	}
}

// masks hide what is never twice the same.
var masks = []struct {
	what *regexp.Regexp
	by   string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?`), "TIME"},
	{regexp.MustCompile(`(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d+ [A-Z][a-z]{2} \d\d:\d\d UTC`), "MINUTE"},
	{regexp.MustCompile(`hone_[0-9a-f]{64}`), "TOKEN"},
	{regexp.MustCompile(`\b(row-)?[0-9a-f]{12,64}\b`), "HASH"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "ADDRESS"},
	{regexp.MustCompile(`(schema|layout) \d+`), "$1 N"},
	{regexp.MustCompile(`process \d+`), "process PID"},
	{regexp.MustCompile(`\b(\d+(\.\d+)?(ns|µs|ms|h|m|s))+\b`), "SPAN"},
	{regexp.MustCompile(`[-−]?\b\d+\.\d+(e-\d+)?\b`), "N"},
	{regexp.MustCompile(` +\n`), "\n"},
}

func (d *desk) mask(s string) string {
	s = strings.ReplaceAll(s, d.dir, "DIR")
	for _, m := range masks {
		s = m.what.ReplaceAllString(s, m.by)
	}
	return s
}

// skeleton is the shape of JSON: its keys, each with its type, two deep.
func skeleton(text string) string {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return "no JSON: " + err.Error() + "\n" + text
	}
	return shape(v, 0) + "\n"
}

func shape(v any, depth int) string {
	switch x := v.(type) {
	case map[string]any:
		if depth > 1 {
			return "{…}"
		}
		var keys []string
		for k := range x {
			keys = append(keys, k+": "+shape(x[k], depth+1))
		}
		slices.Sort(keys)
		return "{" + strings.Join(keys, ", ") + "}"
	case []any:
		if len(x) == 0 {
			return "[]"
		}
		return "[" + shape(x[0], depth+1) + "]"
	case string:
		return "text"
	case float64:
		return "number"
	case bool:
		return fmt.Sprint(x)
	}
	return "null"
}

// play runs a script: lines that begin with $ are commands, and behind each
// stands what it prints and its exit status. Lines that begin with > are done by
// the test. With --json the shape of what is printed is kept.
func (d *desk) play(name string) {
	d.t.Helper()
	path := filepath.Join("testdata", name)
	raw, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	var got strings.Builder
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\n")
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "$ hone"):
			fmt.Fprintln(&got, line)
			stdin, args := "", split(strings.TrimPrefix(line, "$ hone"))
			if i := slices.Index(args, "<<<"); i >= 0 {
				stdin, args = strings.Join(args[i+1:], "\n"), args[:i]
			}
			out, errOut, status := d.run(stdin, args...)
			if slices.Contains(args, "--json") && out != "" {
				out = skeleton(out)
			}
			fmt.Fprintf(&got, "%s[%d]\n", d.mask(out+errOut), status)
		case strings.HasPrefix(line, "> "), strings.HasPrefix(line, "#"):
			fmt.Fprintln(&got, line)
			if line[0] == '>' {
				d.act(words[1], strings.TrimPrefix(line, "> "+words[1]+" "))
			}
		}
	}
	if got.String() == string(raw) {
		return
	}
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o600); err != nil {
			d.t.Fatal(err)
		}
		return
	}
	was, is := strings.Split(string(raw), "\n"), strings.Split(got.String(), "\n")
	for i := range is {
		if i >= len(was) || was[i] != is[i] {
			d.t.Fatalf("%s:%d: run with -update and read the diff\n got %s\nwant %s", path, i+1, is[i], was[min(i, len(was)-1)])
		}
	}
	d.t.Fatalf("%s: it prints less than was written", path)
}

func (d *desk) act(what, rest string) {
	d.t.Helper()
	switch what {
	case "serve":
		d.serve()
	case "stop":
		d.stop()
	case "wait":
		d.wait(rest)
	case "predict":
		id, amount, _ := strings.Cut(rest, " ")
		d.predict(id, amount)
	default:
		d.t.Fatalf("%q is nothing to do", what)
	}
}

// split cuts a line into words, of which those in single quotes are one.
func split(line string) (out []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			out = append(out, part)
			continue
		}
		out = append(out, strings.Fields(part)...)
	}
	return out
}
