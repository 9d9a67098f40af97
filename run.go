package hone

import "time"

// State is where a run stands. Each is entered by one committed transaction.
type State string

// The states, in their order.
const (
	Collecting       State = "collecting"
	Validating       State = "validating"
	Training         State = "training"
	Evaluating       State = "evaluating"
	Deciding         State = "deciding"
	AwaitingApproval State = "awaiting_approval"
	Shadowing        State = "shadow"
	Canary           State = "canary"
	Closed           State = "closed"
)

// Ending is how a run closed.
type Ending string

// The endings.
const (
	Promoted   Ending = "promoted"
	Rejected   Ending = "rejected"
	Held       Ending = "held"
	Failed     Ending = "failed"
	RolledBack Ending = "rolled_back"
	Cancelled  Ending = "cancelled"
)

// Run is one trip round the loop.
type Run struct {
	ID      RunID     `json:"run"`
	Model   string    `json:"model"`
	Number  int       `json:"number"`
	State   State     `json:"state"`
	Ending  Ending    `json:"ending,omitempty"`
	Started time.Time `json:"started"`
	Since   time.Time `json:"since"` // Of the state.
	Ended   time.Time `json:"ended,omitzero"`
	// Decision that started it.
	Decision Decision  `json:"decision"`
	Champion VersionID `json:"champion,omitempty"` // When the run began.
	Dataset  DatasetID `json:"dataset,omitempty"`
	// Twin was trained without the holdout, and is what the gates judged;
	// Candidate is what gets the traffic: the twin, or its refit on all rows.
	Twin       VersionID   `json:"twin,omitempty"`
	Candidate  VersionID   `json:"candidate,omitempty"`
	Attempt    int         `json:"attempt,omitempty"` // Of the training.
	Evaluation *Evaluation `json:"evaluation,omitempty"`
	Verdicts   []Verdict   `json:"verdicts,omitempty"`
	// Checks of the dataset, and what came of each.
	Checks  []Check  `json:"checks,omitempty"`
	Rollout *Rollout `json:"rollout,omitempty"`
	// Spent is what the run has cost, since it began to train.
	Spent *Spent `json:"spent,omitempty"`
	// Receipt is what the run won back, once its version has served.
	Receipt *Receipt `json:"receipt,omitempty"`
	// Pending is a trigger that fired while the run was under way. It is looked
	// at once the run is over and its champion still serves.
	Pending *Reason `json:"pending,omitempty"`
	// FourEyes is set when the model wanted them as the run began: a configuration
	// that no longer does changes nothing for the run.
	FourEyes bool `json:"four_eyes,omitempty"`
	// Cancel is who asked for the run to end, if anybody did.
	Cancel string `json:"cancel,omitempty"`
	// Sentence says what the run does or did, and why.
	Sentence string `json:"sentence"`
	// Took is the time spent in each state that is over.
	Took map[State]Duration `json:"took,omitempty"`
}

// Dataset is a frozen set of rows. Its ID is the hash of its canonical rows.
type Dataset struct {
	ID      DatasetID `json:"dataset"`
	Model   string    `json:"model"`
	Run     RunID     `json:"run"`
	Created time.Time `json:"created"`
	Recipe  Recipe    `json:"recipe"`
	Train   int       `json:"train_rows"`
	Holdout int       `json:"holdout_rows"`
	Anchor  int       `json:"anchor_rows"`
	// Inferred counts the rows that have no label, whose absence stands for one.
	Inferred int `json:"inferred_rows,omitempty"`
	// Effective is the number of rows of equal weight that say as much as the
	// weighted training rows do; 0 where all rows weigh the same.
	Effective float64 `json:"effective_rows,omitempty"`
	// Classes that the labels have, sorted.
	Classes []string `json:"classes,omitempty"`
	// Salted holds the salted hash of the prediction ids, so that the manifest
	// proves which rows were used and still reveals none.
	Salted string  `json:"salted_ids"`
	Checks []Check `json:"checks"`
	// Erased counts the rows that were taken out since, because somebody was to
	// be forgotten.
	Erased int `json:"erased_rows,omitempty"`
}

// Recipe says how the rows were chosen, so that they can be found again.
type Recipe struct {
	// Predictions and Feedback are the last numbers of the log that were read.
	Predictions int64     `json:"predictions_seq"`
	Feedback    int64     `json:"feedback_seq"`
	MatureAt    time.Time `json:"mature_at"`
	// Heard is when the newest label had come: a prediction that was to have its
	// label by then, and has none, counts as absent_means says.
	Heard    time.Time `json:"heard,omitzero"`
	Window   int       `json:"window_rows"`
	WindowBy string    `json:"window_by"`
	History  int       `json:"history_rows"`
	// Older counts the rows before the window.
	Older   int `json:"older_rows,omitempty"`
	Holdout int `json:"holdout_rows"`
	// Suffix is the number of newest rows since which the champion was losing.
	Suffix int `json:"suffix_rows,omitempty"`
	// Returns is the number of newest rows that a version was chosen by which was there
	// already.
	Returns int `json:"returns_rows,omitempty"`
	// HeldBack is the newest time of rows that never judge, because the champion
	// was trained on them.
	HeldBack time.Time `json:"held_back,omitzero"`
	Anchor   string    `json:"anchor,omitempty"` // SHA-256 of the file.
	Schema   string    `json:"schema"`           // Fingerprint, in hex.
	Seed     uint64    `json:"seed"`
	// Caps are those that the rows were held to; nil where there were none.
	Caps *Caps `json:"caps,omitempty"`
	// Left says which rows the caps left out.
	Left *Left `json:"left_out,omitempty"`
	// Rejected says whose rows were left out because their labels are suspicious.
	Rejected *RejectedRows `json:"rejected,omitempty"`
	// Trimmed counts the rows to train on that were left out because their labels
	// are hardly to be believed, Copies the held-out ones that repeat those.
	Trimmed int `json:"trimmed_rows,omitempty"`
	Copies  int `json:"copied_rows,omitempty"`
}

// RejectedRows names the sources and users whose rows from a moment on were left out.
type RejectedRows struct {
	Sources []string `json:"sources,omitempty"`
	// Users are hashed, so that the manifest reveals none.
	Users []string  `json:"hashed_users,omitempty"`
	Since time.Time `json:"since"`
	Rows  int       `json:"rows"`
}

// Caps bound what one user or source may do to a dataset.
type Caps struct {
	PerUser    float64  `json:"max_per_user,omitempty"`
	PerSource  float64  `json:"max_per_source,omitempty"`
	PerUserDay int      `json:"max_per_user_day,omitempty"`
	Sources    []string `json:"sources,omitempty"` // Declared: not capped.
	Quarantine Duration `json:"quarantine,omitempty"`
}

// Left counts the rows that the caps left out, and of how many users and sources.
type Left struct {
	UserRows    int      `json:"user_rows,omitempty"`
	Users       int      `json:"users,omitempty"`
	DayRows     int      `json:"user_day_rows,omitempty"`
	SourceRows  int      `json:"source_rows,omitempty"`
	Sources     []string `json:"sources,omitempty"`
	Quarantined int      `json:"quarantined_rows,omitempty"`
	New         []string `json:"new_sources,omitempty"`
}
