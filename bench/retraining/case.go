package retraining

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"

	"hone/internal/backtest"
)

// Case is one stream with its champions, and how labels come.
type Case struct {
	Stream  string // A world, or the name of a recorded stream.
	Seed    uint64 // Of a world.
	Learner string // linear or trees.
	Delay   int    // Rows after which a label comes.
	Every   int    // Of so many labels one comes; 0 is read as 1.
}

// String names a case.
func (c Case) String() string {
	s := c.Stream
	if c.IsWorld() {
		s += fmt.Sprint(", seed ", c.Seed)
	}
	return fmt.Sprintf("%s, %s, labels %d rows late, one in %d", s, c.Learner, c.Delay, max(1, c.Every))
}

// IsWorld tells whether its rows are made up; those of other cases are recorded.
func (c Case) IsWorld() bool { return slices.Contains(Worlds, c.Stream) }

// InWorlds are all worlds with so many of the seeds that report.
func InWorlds(seeds int, like Case) (out []Case) {
	for seed := range seeds {
		for _, w := range Worlds {
			like.Stream, like.Seed = w, FirstSeed+uint64(seed)
			out = append(out, like)
		}
	}
	return out
}

// Grid trains all champions of a case. Recorded streams are read from a folder.
func (c Case) Grid(ctx context.Context, folder string, all func(int, func(int))) (*backtest.Grid, error) {
	s, err := c.open(folder)
	if err != nil {
		return nil, err
	}
	s.Delay = c.Delay
	if c.Every > 1 {
		sample(s, c.Every, c.Seed)
	}
	return backtest.NewGrid(ctx, s, c.learner(), all)
}

func (c Case) learner() backtest.Learner {
	if c.Learner == "trees" {
		return Trees
	}
	return Linear
}

func (c Case) open(folder string) (*backtest.Stream, error) {
	if c.IsWorld() {
		return NewWorld(c.Stream, c.Seed)
	}
	return Recorded(c.path(folder), c.Stream)
}

// path is where a recorded stream lies.
func (c Case) path(folder string) string { return filepath.Join(folder, c.Stream+".csv.gz") }

// Streams that are recorded are cut into so many batches; champions learn from so many.
const (
	streamBatches = 120
	streamWindow  = 12
	streamRows    = 40_000 // The first ones.
)

// Reporting are the recorded streams that choose nothing.
var Reporting = []string{"agrawal_gradual", "sea_gen", "phishing", "transient_chess"}

// Recorded reads a stream of two classes. The label of transient_chess is whether it is 4
// or more, that of another whether it is 1 or more.
func Recorded(path, name string) (*backtest.Stream, error) {
	rows, targets, err := Read(path, streamRows)
	if err != nil {
		return nil, err
	}
	least := 1.0
	if name == "transient_chess" {
		least = 4
	}
	for i, x := range targets {
		targets[i] = 0
		if x >= least {
			targets[i] = 1
		}
	}
	batch := rows.N / streamBatches
	return &backtest.Stream{Name: name, Rows: rows, Targets: targets, Batch: batch, Window: streamWindow * batch}, nil
}

// sample lets one label in so many come, by chance. The others never come, and what is
// lost on them counts. Champions learn from as much less.
func sample(s *backtest.Stream, every int, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 10))
	s.Known = make([]int, s.Rows.N)
	for i := range s.Known {
		s.Known[i] = s.Rows.N + 1
		if r.IntN(every) == 0 {
			s.Known[i] = i + 1 + s.Delay
		}
	}
	s.Window /= every
}
