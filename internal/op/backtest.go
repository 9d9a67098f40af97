package op

import (
	"context"
	"sync"
	"time"

	"hone"
	"hone/internal/backtest"
)

// BacktestIn asks what policies of when to retrain would have come to on a model's log.
type BacktestIn struct {
	Model    string    `json:"-" path:"model" help:"the model's name"`
	Policies []string  `json:"policies,omitempty" help:"a policy, such as configured, never, every:10 or recoverable_loss:300 (default: the usual ones)"`
	Prices   []float64 `json:"prices,omitempty" help:"what a retrain costs, in units of the loss (default: as configured, a third of it and three times as much)"`
	From     time.Time `json:"from,omitzero" help:"only rows from this moment on"`
	Until    time.Time `json:"until,omitzero" help:"only rows up to this moment"`
	Batches  int       `json:"batches,omitempty" help:"in how many parts the rows are answered, each of which has a champion of its own (default 120, or 20 for a command)"`
	Window   int       `json:"window,omitempty" help:"how many labelled rows a champion learns from (default: as configured, or an eleventh)"`

	// Report is told how far it is, where the caller is in this process.
	Report func(backtest.Progress) `json:"-"`
}

// Options of the backtest itself.
func (in BacktestIn) Options() backtest.Options {
	return backtest.Options{Policies: in.Policies, Prices: in.Prices, From: in.From, Until: in.Until, Batches: in.Batches, Window: in.Window, Report: in.Report}
}

func backtests() Operation {
	return define(Operation{Name: "backtest", Method: "POST", Path: "/api/v1/models/{model}/backtest", Role: Operator,
		Summary: "say what policies of when to retrain would have cost on a model's log, and which is best",
		Help:    "It trains a champion for each part of the log, which takes from seconds to minutes of the server's processors; one backtest runs at a time.",
		Example: "hone backtest fraud --html report.html"}, runBacktest)
}

// backtesting lets one backtest run at a time.
type backtesting struct{ mu sync.Mutex }

func runBacktest(ctx context.Context, s *Service, _ Caller, in BacktestIn) (backtest.Result, error) {
	if _, err := s.Loop.View(in.Model); err != nil {
		return backtest.Result{}, err
	}
	m, _ := s.Loop.Model(in.Model)
	if !s.backtesting.mu.TryLock() {
		return backtest.Result{}, &hone.Error{Code: hone.Conflict, Message: "another backtest is under way", Hint: "wait until it is over, or run this one beside the server with `hone backtest --data FILE`"}
	}
	defer s.backtesting.mu.Unlock()
	return s.Backtest(ctx, m, in.Options())
}
