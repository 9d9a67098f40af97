package hone

import "time"

// Backup is a copy of the data folder that was made.
type Backup struct {
	// Dest is the folder that it lies in.
	Dest     string    `json:"dest"`
	At       time.Time `json:"at"`
	Took     Duration  `json:"took"`
	Files    int       `json:"files"`
	Bytes    int64     `json:"bytes"`
	Shared   int       `json:"shared_files"` // With an earlier backup.
	Sentence string    `json:"sentence"`
}

// Erasure is what was asked for to be forgotten, and what became of it.
type Erasure struct {
	// Subject is the salted hash of who was forgotten; the salt stands before
	// the colon. It proves later that it was this one, and tells nobody who.
	Subject string        `json:"subject"`
	Models  []ErasedModel `json:"models"`
	// Versions were trained on the erased rows.
	Versions []ErasedVersion `json:"versions,omitempty"`
	// Runs are at work on rows: what lies in their folders may hold what was erased
	// until they have ended.
	Runs []RunID `json:"runs,omitempty"`
	// Payloads are the audit events whose data was dropped.
	Payloads []int64 `json:"payloads,omitempty"`
	// Backups were made before, and still hold what was erased.
	Backups  []string `json:"backups,omitempty"`
	Sentence string   `json:"sentence"`
	Next     []string `json:"next,omitempty"`
}

// ErasedModel counts what was erased of one model.
type ErasedModel struct {
	Model       string      `json:"model"`
	Predictions int         `json:"predictions"`
	Feedback    int         `json:"feedback"`
	Shadows     int         `json:"shadows"`
	Datasets    []DatasetID `json:"datasets,omitempty"`
	// Evidence counts the comparisons of versions that rested on erased rows and
	// went with them: their verdicts stand, and cannot be had again.
	Evidence int `json:"evidence,omitempty"`
}

// ErasedVersion is a version that was trained on rows that are gone.
type ErasedVersion struct {
	Model   string    `json:"model"`
	Version VersionID `json:"version"`
	Dataset DatasetID `json:"dataset"`
	Aliases []Alias   `json:"aliases,omitempty"`
}
