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
	// Request for labels, in place of what it was.
	Request *LabelRequest
	// Principal is stored under its name, in place of what it was.
	Principal *Principal
}

// Principal is somebody, or something, that has a token.
type Principal struct {
	Name string `json:"principal"`
	Role string `json:"role"`
	// Kind is person or service. A service never approves.
	Kind string `json:"kind"`
	// Models that it may see and touch; none means all.
	Models []string `json:"models,omitempty"`
	// Data lets it read single rows: features, labels, feedback.
	Data     bool      `json:"data,omitempty"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero"`
	Revoked  time.Time `json:"revoked,omitzero"`
	LastUsed time.Time `json:"last_used,omitzero"`
	// Token is the SHA-256, in hex, of its token, which nothing keeps.
	Token string `json:"-"`
}

// Applied is a configuration as it was applied.
type Applied struct {
	SHA256 string    `json:"sha256"` // Of the text.
	At     time.Time `json:"at"`
	// By is the principal who applied it; owner for the files of a server's start.
	// Where a model wants four eyes, it approves nothing that ran under it.
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
