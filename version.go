package hone

import "time"

// Version is an immutable trained artefact of a model.
type Version struct {
	ID    VersionID `json:"version"`
	Model string    `json:"model"`
	// Format of the artefact, such as linear, gbdt or process.
	Format    string    `json:"format"`
	Signature Signature `json:"signature"`
	// Artefact is the SHA-256 of the manifest of the files, which is also the
	// name of their folder.
	Artefact string `json:"artefact"`
	Files    []File `json:"files"`
	Lineage
	// Metrics on the holdout, by name.
	Metrics map[string]float64 `json:"metrics,omitempty"`
	// Reference is the SHA-256 of the profile that drift is judged against.
	Reference string `json:"reference"`
	// Tested is the SHA-256 of what the test of its probe found; empty until it is over.
	Tested string `json:"tested,omitempty"`
	// Baseline are the numbers that this version's metrics are held against.
	Baseline map[string]float64 `json:"baseline"`
	Created  time.Time          `json:"created"`
	// Learner is the SHA-256 of the state from which learning goes on as labels come.
	Learner string `json:"learner,omitempty"`
}

// Lineage says what a version was made from.
type Lineage struct {
	Run     RunID          `json:"run,omitempty"`
	Dataset DatasetID      `json:"dataset,omitempty"`
	Parent  VersionID      `json:"parent,omitempty"` // Warm start.
	Trainer string         `json:"trainer"`
	Params  map[string]any `json:"params,omitempty"`
	// Config is the SHA-256 of the model's configuration at the time.
	Config string `json:"config"`
	// Policy is what the version was judged by.
	Policy *Policy `json:"policy,omitempty"`
	// TrainedUntil is the newest prediction time among the training rows. Rows up
	// to then never judge this version.
	TrainedUntil time.Time `json:"trained_until"`
	// TrainedRows is the number of training rows.
	TrainedRows int `json:"trained_rows"`
	// Search is how Params were chosen.
	Search *Searched `json:"search,omitempty"`
	// Learned counts the labels that were learned one by one since the version was
	// trained that a snapshot begins from; 0 for one that is no snapshot.
	Learned int `json:"learned,omitempty"`
	// Sandbox lists the layers that contained the trainer, if it was a command.
	Sandbox []string `json:"sandbox,omitempty"`
}

// Searched is a search that is over.
type Searched struct {
	Method string `json:"method"`
	// Trials that were judged, each on Rows, and those that failed.
	Trials int `json:"trials"`
	Failed int `json:"failed,omitempty"`
	Rows   int `json:"rows"`
	// Found are the params that were best; none where the configured ones were.
	Found map[string]any `json:"found,omitempty"`
	// Loss is the declared loss of a row with the best params, Configured with the
	// configured ones.
	Loss       float64 `json:"loss"`
	Configured float64 `json:"configured"`
	// Cost of all trials together, in the model's currency; 0 where they have no price.
	Cost float64 `json:"cost,omitempty"`
	// Stopped says why it ended before its last trial.
	Stopped string `json:"stopped,omitempty"`
}

// File is one file of an artefact.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Alias is a name in the registry that points to one version of a model.
type Alias string

// The aliases.
const (
	Champion   Alias = "champion"
	Candidate  Alias = "candidate"
	Challenger Alias = "challenger"
	Previous   Alias = "previous"
)

// AliasMove is one line of an alias's history. An empty version clears it.
type AliasMove struct {
	Model   string    `json:"model"`
	Alias   Alias     `json:"alias"`
	Version VersionID `json:"version,omitempty"`
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Run     RunID     `json:"run,omitempty"`
	Reason  string    `json:"reason"`
}
