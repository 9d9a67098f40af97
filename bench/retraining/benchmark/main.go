// Command benchmark holds policies of when to retrain against each other and against the
// best that hindsight could have done, in worlds with known drift and on recorded streams,
// and writes docs/benchmark.md.
//
//	go run ./bench/retraining/benchmark [--only PART,…] [--report]
//	go run ./bench/retraining/benchmark --data FOLDER --streams NAME,…
//
// Without arguments it plays every part, which takes about an hour on two cores, and keeps
// what came of each in bench/results/benchmark. With --report it only writes the page from
// what is there. Recorded streams are passed over where their folder is not there. With
// --streams it plays other ones, NAME.csv.gz each, of numbers in the order of time, the
// last column a label that is positive from 1 on, and prints what came of them.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hone/bench/bar"
	"hone/bench/retraining"
	"hone/internal/clock"
)

// part is one table, or a few of the same cases.
type part struct {
	name string
	play func(*bench) (any, error)
}

var parts = []part{
	{"tuning", tuning}, {"worlds", worlds}, {"labels", labels}, {"trees", trees}, {"streams", streams}, {"loop", loops}, {"learning", learning}, {"river", river},
}

// bench is one run of the command.
type bench struct {
	context.Context
	root  string
	plays *retraining.Plays
}

// kept is what came of a part.
type kept struct {
	Commit  string          `json:"commit"`
	At      time.Time       `json:"measured_at"`
	Machine string          `json:"machine"`
	Result  json.RawMessage `json:"result"`
}

func main() {
	root := flag.String("root", ".", "the project's folder")
	data := flag.String("data", "", "the folder with recorded streams; ../shared/data of the project's by default")
	only := flag.String("only", "", "parts to play, with commas between them; all by default")
	report := flag.Bool("report", false, "play nothing, write the page")
	streams := flag.String("streams", "", "streams to play, by name, with commas between them; their tables are printed, and nothing else is done")
	flag.Parse()
	if *data == "" {
		*data = filepath.Join(*root, "..", "shared", "data")
	}
	plays, err := retraining.NewPlays(*root, *data, func(c retraining.Case, _ bool) { progress("%s", c) })
	bar.Fail(err)
	b := &bench{Context: context.Background(), root: *root, plays: plays}
	if *streams != "" {
		bar.Fail(b.others(strings.Split(*streams, ",")))
		return
	}
	names := strings.Split(*only, ",")
	for _, name := range names {
		if name != "" && !slices.ContainsFunc(parts, func(p part) bool { return p.name == name }) {
			bar.Fail(fmt.Errorf("there is no part %q", name))
		}
	}
	for _, p := range parts {
		if !*report && (*only == "" || slices.Contains(names, p.name)) {
			bar.Fail(b.play(p))
		}
	}
	bar.Fail(b.write())
}

// play plays a part, and keeps what came of it.
func (b *bench) play(p part) error {
	fmt.Fprintf(os.Stderr, "%s …\n", p.name)
	result, err := p.play(b)
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	text, err := json.Marshal(result)
	if err != nil {
		return err
	}
	k := kept{Commit: commit(b.root), At: clock.System{}.Now(), Machine: bar.Machine(), Result: text}
	if text, err = json.MarshalIndent(k, "", " "); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(b.file(p.name)), 0o755); err != nil {
		return err
	}
	return os.WriteFile(b.file(p.name), append(text, '\n'), 0o644)
}

func (b *bench) file(part string) string {
	return filepath.Join(b.root, "bench", "results", "benchmark", part+".json")
}

func commit(root string) string {
	out, err := exec.Command("git", "-C", root, "rev-parse", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// read reads what came of a part.
func read[T any](b *bench, part string) (out T, k kept, err error) {
	text, err := os.ReadFile(b.file(part))
	if err != nil {
		return out, k, err
	}
	if err = json.Unmarshal(text, &k); err == nil {
		err = json.Unmarshal(k.Result, &out)
	}
	return out, k, err
}

// progress tells how far a part is.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "  "+format+"\n", args...) }
