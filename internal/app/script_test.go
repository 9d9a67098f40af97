package app_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/app"
	"hone/internal/clock"
	"hone/internal/config"
	"hone/internal/op"
	"hone/internal/train"
)

var update = flag.Bool("update", false, "rewrite the expected half of the loop's scripts")

// TestLoop plays the scripts in testdata/loop. A script is a configuration and
// files under headings such as -- hone.yaml --, then, under -- script --, one
// command a line, each with what it must print indented under it.
func TestLoop(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../testdata/loop/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for i, path := range paths {
		if testing.Short() && i%8 > 0 {
			continue // Nothing runs beside a script; the race detector needs few.
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Parallel()
			play(t, path, false)
		})
	}
}

// otherwise says of scripts that tell another story where the model is served
// elsewhere why that must be.
var otherwise = map[string]string{
	"label": "which rows are drawn goes by the hash of the dataset, in which the rows' times stand, and a log has them to the microsecond",

	"elsewhere_deliver": "it is of this mode as it stands",
	"elsewhere":         "it is of this mode as it stands",
	"elsewhere_unseen":  "it is of this mode as it stands",
	"elsewhere_unknown": "it is of this mode as it stands",
}

// TestLoopElsewhere plays the same scripts with a server of the owner's in the place of
// Hone's gateway, which answers by the plan and logs what it answered: the story is the
// same.
func TestLoopElsewhere(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../testdata/loop/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for i, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		if testing.Short() && i%8 != 4 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if why := otherwise[name]; why != "" {
				t.Skip(why)
			}
			play(t, path, true)
		})
	}
}

var heading = regexp.MustCompile(`^-- (\S+) --$`)

// play runs one script and holds what it printed against the file.
func play(t *testing.T, path string, elsewhere bool) {
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string][]string{}
	var out []string
	at := ""
	lines := strings.Split(strings.TrimRight(string(raw), "\n"), "\n")
	for i, line := range lines {
		if m := heading.FindStringSubmatch(line); m != nil {
			at = m[1]
		} else if at != "" {
			parts[at] = append(parts[at], line)
		}
		out = append(out, line)
		if at == "script" {
			parts[at] = lines[i+1:]
			break
		}
	}
	if elsewhere {
		servedElsewhere(parts)
	}
	w := newWorld(t, parts)
	for n, line := range parts["script"] {
		if strings.HasPrefix(line, "    ") {
			continue
		}
		out = append(out, line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		got, err := w.do(strings.Fields(line))
		if err != nil {
			t.Fatalf("%s, script line %d, %s: %v", path, n+1, line, err)
		}
		for _, l := range got {
			out = append(out, "    "+mask(l))
		}
	}
	w.tidy()
	got := strings.Join(out, "\n") + "\n"
	if elsewhere {
		got = asServed(string(raw), got)
	}
	if got == string(raw) {
		return
	}
	if *update && !elsewhere {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s: got another story; run with -update and read the diff:\n%s", path, firstDifference(string(raw), got))
}

func firstDifference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d\nwant %s\ngot  %s", i+1, a[i], b[i])
		}
	}
	return fmt.Sprintf("want %d lines, got %d", len(a), len(b))
}

// What a machine measures of itself, and hashes of what holds it, vary.
var (
	hashes  = regexp.MustCompile(`\b[0-9a-f]{12,64}\b`)
	elapsed = regexp.MustCompile(`\b[0-9.]+(µs|ms|ns)\b`)
	sizes   = regexp.MustCompile(`\b[0-9.]+ (bytes|KiB|MiB)\b`)
	folder  = regexp.MustCompile(`\S*/(hone-script-\d+|TestLoop\S*?/\d+)/`)
	slow    = regexp.MustCompile(`[0-9.]+ % of its answers take longer than \S+, against [0-9.]+ % of the champion's`)
)

func mask(s string) string {
	s = slow.ReplaceAllString(s, "SHARE of its answers take longer than TIME, against SHARE of the champion's")
	s = folder.ReplaceAllString(s, "DIR/")
	s = sizes.ReplaceAllString(s, "SIZE")
	return hashes.ReplaceAllString(elapsed.ReplaceAllString(s, "TIME"), "HASH")
}

// hands are a clock of the script's. Waits as short as the gateway's between two
// writes of shadow scores are over at once.
type hands struct{ *clock.Fake }

func (h hands) After(d time.Duration) <-chan time.Time {
	if d > 100*time.Millisecond {
		return h.Fake.After(d)
	}
	c := make(chan time.Time, 1)
	c <- h.Now()
	return c
}

// world is a Hone with its users.
type world struct {
	t      *testing.T
	ctx    context.Context
	clock  hands
	config *config.Config
	text   []byte
	app    *app.App
	model  hone.Model

	seams    app.Seams
	sources  map[string]*source
	truths   map[hone.PredictionID]string // What is true of every row.
	next     int                          // Number of the next row.
	waiting  []due
	shadowed int64
	thumbs   map[string]int // That each version got.
	client   *client        // Answers, where the model is served elsewhere.
	// How far decisions and events have been printed.
	decisions int
	events    int64
}

// due is a label on its way.
type due struct {
	at    time.Time
	id    hone.PredictionID
	label string
	thumb string // In place of a label.
	// Who says it, where that is not the owner.
	source string
}

// said is the label, or nothing where it is none.
func (d due) said() any {
	if d.thumb != "" {
		return nil
	}
	return d.label
}

// The name of the model in every script.
const model = "sea"

func newWorld(t *testing.T, parts map[string][]string) *world {
	t.Helper()
	dir := memory(t)
	text := []byte(strings.Join(parts["hone.yaml"], "\n"))
	c, err := config.Parse("hone.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	for name, lines := range parts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.Dir, c.Server.Data = dir, filepath.Join(dir, "data")
	w := &world{t: t, ctx: t.Context(), config: c, text: text, sources: map[string]*source{}, thumbs: map[string]int{},
		clock: hands{clock.NewFake(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC))},
		seams: app.Seams{Trainer: func(_ string, t train.Trainer) train.Trainer { return priced{t} }}}
	w.model = c.Models[model]
	if w.model.Elsewhere() {
		w.client = newClient(w)
	}
	w.start()
	t.Cleanup(func() { w.app.Stop() })
	return w
}

// memory is a folder in memory where there is one: scripts commit thousands of
// times, and what a disk makes of that is tested elsewhere.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "hone-script-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func (w *world) start() {
	w.t.Helper()
	a, err := app.New(w.ctx, app.Options{Config: w.config, Text: w.text, Clock: w.clock, Inline: true, Seams: w.seams})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := a.Start(w.ctx); err != nil {
		a.Stop()
		w.t.Fatal(err)
	}
	w.app, w.shadowed = a, 0
	_, _, n, err := a.Service().Events.LastSeq(w.ctx, model)
	if err != nil {
		w.t.Fatal(err)
	}
	w.shadowed = n
}

// step takes the loop as far as it goes now.
func (w *world) step() error { return w.app.Loop().Step(w.ctx, model) }

// call does an operation as its owner would.
func (w *world) call(name string, in any) (any, error) {
	o, ok := op.Find(name)
	if !ok {
		return nil, fmt.Errorf("there is no operation %q", name)
	}
	return o.Call(w.ctx, w.app.Service(), op.Caller{Name: "ada", Role: op.Admin}, in)
}

// options reads words such as labels=10s.
type options map[string]string

func parseOptions(words []string) options {
	o := options{}
	for i, word := range words {
		key, value, ok := strings.Cut(word, "=")
		if key == "reason" {
			o[key] = strings.Join(append([]string{value}, words[i+1:]...), " ")
			break
		}
		if !ok {
			value = "yes"
		}
		o[key] = value
	}
	return o
}

func (o options) duration(key string, usual time.Duration) time.Duration {
	s, ok := o[key]
	if !ok {
		return usual
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil {
			panic(err)
		}
		return time.Duration(n) * 24 * time.Hour
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		panic(err)
	}
	return d
}

func (o options) number(key string, usual int) int {
	s, ok := o[key]
	if !ok {
		return usual
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}
