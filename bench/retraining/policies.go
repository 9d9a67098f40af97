package retraining

import (
	"fmt"

	"hone/internal/backtest"
)

// Prices of a retrain, in errors.
var Prices = []float64{30, 100, 300, 1000}

// Policy is one that takes part, with the name that its figures go by.
type Policy struct {
	Name, Words string
	Play        backtest.Policy
}

// Policies are Hone's first, and beside it others. CUSUM was tuned for each price on
// Choosing worlds and streams; the rest have settings that are usual for them.
var Policies = []Policy{
	{"hone", "Hone", backtest.Hone()},
	{"hone_no_reuse", "Hone, without former champions", backtest.Whole(backtest.Rule{Receipts: true})},
	{"hone_alone", "Hone, without these and receipts", backtest.Whole(backtest.Rule{})},
	{"best_period", "best period in hindsight", backtest.BestPeriod},
	{"never", "never", backtest.Never},
	{"every_10", "every 10 batches", backtest.Every(10)},
	{"every_30", "every 30 batches", backtest.Every(30)},
	{"avoidable", "avoidable errors add up to the price", backtest.Avoidable()},
	{"cusum", "CUSUM, tuned", cusum},
	{"worse_3", "3 points worse", backtest.Worse(3)},
	{"adwin", "ADWIN on errors", backtest.ADWIN()},
	{"psi", "PSI over 0.2", backtest.PSI(0.2)},
}

// ChoosingSeeds and ChoosingStreams may choose; all others only report.
var (
	ChoosingSeeds   = []uint64{0, 1}
	ChoosingStreams = []string{"elec2", "agrawal_abrupt", "noaa_weather"}
)

// FirstSeed is the first of those that report.
const FirstSeed = 1000

// Setting of a CUSUM: what is allowed for, in errors of a hundred rows, and the limit.
type Setting struct{ K, H float64 }

// Tuned has, for each price, the setting that cost least on Choosing worlds and streams
// with champions of the linear learner and of trees, of those of Settings.
var Tuned = map[float64]Setting{30: {0.25, 5}, 100: {0.5, 1280}, 300: {2, 1280}, 1000: {2, 1280}}

// Settings are those that were tried.
func Settings() (out []Setting) {
	for _, k := range []float64{0.25, 0.5, 1, 2, 4, 8} {
		for _, h := range []float64{5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120} {
			out = append(out, Setting{k, h})
		}
	}
	return out
}

func cusum(g *backtest.Grid, price float64) []backtest.Move {
	s, found := Tuned[price]
	if !found {
		s = Tuned[100]
	}
	return backtest.CUSUM(s.K, s.H)(g, price)
}

// String names a setting.
func (s Setting) String() string { return fmt.Sprintf("k %g, h %g", s.K, s.H) }
