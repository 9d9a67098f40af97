package op

import (
	"context"
	"io"
	"sync"
	"time"

	"hone"
	"hone/internal/backtest"
	"hone/internal/clock"
	"hone/internal/config"
	"hone/internal/frame"
	"hone/internal/loop"
)

// Control is what operations read of the control state.
type Control interface {
	Runs(ctx context.Context, model string, limit int) ([]hone.Run, error)
	Run(ctx context.Context, id hone.RunID) (hone.Run, error)
	Versions(ctx context.Context, model string) ([]hone.Version, error)
	AliasHistory(ctx context.Context, model string) ([]hone.AliasMove, error)
	Dataset(ctx context.Context, id hone.DatasetID) (hone.Dataset, error)
}

// Records is what operations read of what was measured and decided.
type Records interface {
	Decisions(ctx context.Context, model string, limit int) ([]hone.Decision, error)
	Signals(ctx context.Context, model, name string, since time.Time, limit int) ([]hone.Signal, error)
	Events(ctx context.Context, after int64, model string, limit int) ([]hone.Event, error)
	Head(ctx context.Context) (seq int64, hash string, err error)
	Version(ctx context.Context, model string, id hone.VersionID) (hone.Version, error)
}

// Events is the log of predictions and feedback.
type Events interface {
	AppendPredictions(ctx context.Context, model string, ps []hone.Prediction) (int, error)
	AppendFeedback(ctx context.Context, model string, fs []hone.Feedback) ([]hone.Effect, error)
	Find(ctx context.Context, model string, id hone.PredictionID) (hone.Prediction, []hone.Feedback, error)
	LastSeq(ctx context.Context, model string) (predictions, feedback, shadows int64, err error)
	Schemas(ctx context.Context, model string) (map[uint32]frame.Schema, error)
}

// Inbox is what is announced from elsewhere, and what went wrong before.
type Inbox interface {
	ReceiveEvent(ctx context.Context, e hone.CloudEvent, record hone.Event) (fresh bool, err error)
	Incidents(ctx context.Context, model string, limit int) ([]hone.Incident, error)
}

// Service is what the operations work on.
type Service struct {
	Loop    *loop.Loop
	Control Control
	Records Records
	Events  Events
	Plans   Plans
	Inbox   Inbox
	People  People
	Samples Sampler
	Clock   clock.Clock
	Rand    io.Reader
	Fence   hone.Fence
	// Doctor looks at the machine and the folder.
	Doctor func(ctx context.Context) []Finding
	// Artefact finds the folder of a version's files by its digest.
	Artefact func(digest string) (string, error)
	// Backtest plays policies on a model's log.
	Backtest func(ctx context.Context, m hone.Model, o backtest.Options) (backtest.Result, error)
	// Vault makes backups and erases.
	Vault  Vault
	Config Configuration

	people sync.Mutex // Held while a principal is read and written.
	sights sights

	performances performances
	joints       joints
	backtesting  backtesting
}

// Configuration is what is in force, and what was.
type Configuration interface {
	// Current is the configuration in force, as it was applied and as it was read.
	Current() (hone.Applied, *config.Config)
	// Configs lists what was applied, newest first, without texts.
	Configs(ctx context.Context, limit int) ([]hone.Applied, error)
	// ConfigAt is the newest that was applied whose hash begins so.
	ConfigAt(ctx context.Context, sha string) (hone.Applied, error)
	// Apply puts a configuration in force as next says. It is refused (conflict)
	// when another one than base is in force by then, or when a model cannot change
	// now.
	Apply(ctx context.Context, base string, next hone.Applied, c *config.Config) error
}

// Finding is one thing that the doctor looked at.
type Finding struct {
	Name     string `json:"name"`
	OK       bool   `json:"ok"`
	Sentence string `json:"sentence"`
}
