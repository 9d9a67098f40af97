package hone

import (
	"encoding/json"
	"time"
)

// Event is one link of the audit chain.
type Event struct {
	Seq     int64     `json:"seq"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"`  // A principal's name, or hone.
	Action  string    `json:"action"` // Such as run.training, promoted, config.applied.
	Model   string    `json:"model,omitempty"`
	Run     RunID     `json:"run,omitempty"`
	Version VersionID `json:"version,omitempty"`
	// Sentence says it aloud.
	Sentence string `json:"sentence"`
	// Data is the evidence. It lives outside the chain, which holds its salted
	// hash, so that an erasure does not break the chain.
	Data     json.RawMessage `json:"data,omitempty"`
	Salt     string          `json:"salt"`
	DataHash string          `json:"data_hash"`
	Prev     string          `json:"prev"`
	Hash     string          `json:"hash"`
}

// Change is everything that changes together: one transaction, with the audit
// event that records it. Unset parts stay as they are.
type Change struct {
	Event    Event
	Run      *Run
	Version  *Version
	Aliases  []AliasMove
	Dataset  *Dataset
	Decision *Decision
	Plan     *Plan // The store sets its token.
	Watch    *Watch
	Config   *Applied
	// Answered is the last announcement that the run answers: those up to it wait
	// no more.
	Answered int64
	Incident *Incident
}

// Applied is a configuration as it was applied.
type Applied struct {
	SHA256 string    `json:"sha256"` // Of the text.
	At     time.Time `json:"at"`
	// By is the principal who applied it; owner for the files of a server's start.
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
	// Live is set where it was applied to a running server, and not by its start.
	Live bool `json:"live,omitempty"`
	// Text holds every file; several each stand under a line -- NAME --.
	Text string `json:"text,omitempty"`
}

// Fence is the token of the process that may move a model's state. A Change
// that carries an old one is refused.
type Fence int64
