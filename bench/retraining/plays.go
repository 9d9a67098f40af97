package retraining

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"hone/bench/bar"
	"hone/internal/backtest"
)

// Of are the folders that the rule and its champions come from, and LoopOf those that
// gate, rollout and probation come from too.
var (
	Of     = []string{"internal/backtest", "internal/learn/encode", "internal/learn/gbdt", "internal/learn/linear", "internal/learn/residual", "internal/stat", "internal/trigger"}
	LoopOf = append([]string{"internal/evaluate", "internal/gate", "internal/monitor", "internal/rollout"}, Of...)
)

// Plays plays cases, several at a time. What each came to is kept in the user's cache
// folder by the sources that it was played by: the bars and the benchmark share most of
// their cases, and what was cut off goes on where it stopped.
type Plays struct {
	Data string // The folder with recorded streams.
	tell func(c Case, known bool)
	kept string
}

// NewPlays finds what was played before by the sources below root. It tells of each case
// that is done, and whether it was known from before.
func NewPlays(root, data string, tell func(c Case, known bool)) (*Plays, error) {
	of := slices.Clone(LoopOf)
	own, err := filepath.Glob(filepath.Join(root, "bench", "retraining", "*.go")) // Not what writes the page.
	if err != nil {
		return nil, err
	}
	for _, file := range own {
		of = append(of, "bench/retraining/"+filepath.Base(file))
	}
	sources, err := bar.Sources(root, of...)
	if err != nil {
		return nil, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	p := &Plays{Data: data, tell: tell, kept: filepath.Join(cache, "hone-bench", "retraining", sources[:16])}
	return p, os.MkdirAll(p.kept, 0o755)
}

// Run plays policies in all cases, at all Prices. With reuse the best with former
// champions is looked for too, which takes long.
func (p *Plays) Run(ctx context.Context, cases []Case, policies []Policy, reuse bool) ([]Outcome, error) {
	what := fmt.Sprint("run ", reuse)
	for _, policy := range policies {
		what += " " + policy.Name
	}
	return each(p, cases, what, func(c Case) (Outcome, error) {
		return c.Run(ctx, p.Data, Prices, policies, reuse, backtest.InTurn)
	})
}

// Loops plays the whole loop in all cases, at all Prices.
func (p *Plays) Loops(ctx context.Context, cases []Case) ([]Loop, error) {
	out, err := each(p, cases, "loops", func(c Case) ([]Loop, error) { return c.Loops(ctx, p.Data, Prices, backtest.InTurn) })
	return slices.Concat(out...), err
}

// Learning plays the whole loop without and with what learns as labels come, at all Prices.
func (p *Plays) Learning(ctx context.Context, cases []Case) ([]Learning, error) {
	out, err := each(p, cases, "learning", func(c Case) ([]Learning, error) { return c.Learning(ctx, p.Data, Prices, backtest.InTurn) })
	return slices.Concat(out...), err
}

// each plays what was not played before of all cases, and says which was first of those
// that failed.
func each[T any](p *Plays, cases []Case, what string, play func(Case) (T, error)) ([]T, error) {
	out, errs := make([]T, len(cases)), make([]error, len(cases))
	bar.Parallel(len(cases), func(i int) {
		c, known := cases[i], true
		file, err := p.file(what, c)
		if err == nil {
			err = load(file, &out[i])
		}
		if errors.Is(err, fs.ErrNotExist) && file != "" {
			known = false
			if out[i], err = play(c); err == nil {
				err = save(file, out[i])
			}
		}
		if errs[i] = err; err == nil {
			p.tell(c, known)
		}
	})
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", cases[i], err)
		}
	}
	return out, nil
}

// file keeps what a case came to, by its rows where they are recorded.
func (p *Plays) file(what string, c Case) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%s: %+v\n", what, c)
	if !c.IsWorld() {
		rows, err := os.ReadFile(c.path(p.Data))
		if err != nil {
			return "", err
		}
		h.Write(rows)
	}
	return filepath.Join(p.kept, fmt.Sprintf("%x.json", h.Sum(nil))), nil
}

func load(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// save writes a file whole or not at all.
func save(file string, x any) error {
	text, err := json.Marshal(x)
	if err != nil {
		return err
	}
	part := file + ".part"
	if err := os.WriteFile(part, text, 0o644); err != nil {
		return err
	}
	return os.Rename(part, file)
}
