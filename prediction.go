package hone

import (
	"fmt"
	"strings"
	"time"
)

// OwnPrefix begins the prediction ids that Hone makes itself. They are never
// reused, so that a day's file alone tells whether one is a repetition; callers
// may not make ids that begin so.
const OwnPrefix = "hone-"

// maxID is the most bytes that a prediction id has.
const maxID = 128

// Check tells whether a caller may name a prediction so: by 1 to 128 bytes of
// printable ASCII without spaces, and not like Hone itself.
func (id PredictionID) Check() error {
	why := ""
	switch {
	case id == "":
		why = "is missing"
	case len(id) > maxID:
		why = fmt.Sprintf("is longer than %d bytes", maxID)
	case strings.HasPrefix(string(id), OwnPrefix):
		why = fmt.Sprintf("begins with %q, as only Hone's own ids do", OwnPrefix)
	case strings.ContainsFunc(string(id), func(r rune) bool { return r <= ' ' || r > '~' }):
		why = "has a space, or a character that is not printable ASCII"
	}
	if why == "" {
		return nil
	}
	shown := string(id)
	if len(shown) > 40 {
		shown = shown[:40] + "…"
	}
	return &Error{Code: Invalid, Message: fmt.Sprintf("prediction id %q %s", shown, why), Hint: "give each prediction a short id of its own, or none"}
}

// Route says why a version answered a request.
type Route string

// The routes.
const (
	ByChampion Route = "champion"
	ByCanary   Route = "canary"   // The challenger's share of the traffic.
	ByControl  Route = "control"  // The champion's share that the canary is compared with.
	ByFallback Route = "fallback" // The champion, because the challenger failed.
	ByName     Route = "version"  // The caller asked for this version.
	Imported   Route = "import"   // A row of history; no version answered it.
	Logged     Route = "logged"   // Served elsewhere, and told to Hone.
	ByNobody   Route = "erased"   // What it said was erased.
)

// Prediction is one served answer.
type Prediction struct {
	ID    PredictionID `json:"prediction_id"`
	Model string       `json:"model"`
	// Seq counts the model's predictions in the order in which they were stored.
	Seq int64 `json:"seq"`
	// Time at which it was served, or at which the row of history happened.
	Time time.Time `json:"time"`
	// Received is when Hone stored it.
	Received time.Time `json:"received"`
	Version  VersionID `json:"version,omitempty"`
	Route    Route     `json:"route"`
	// Features as served, as frame.EncodeRow writes them.
	Features []byte `json:"-"`
	// Scores that the version gave; empty for imported rows.
	Scores []float64 `json:"scores,omitempty"`
	// Unit is the user or session that the route sticks to.
	Unit    string        `json:"unit,omitempty"`
	Latency time.Duration `json:"latency_ns"`
	// Fault is why the challenger did not answer, for ByFallback.
	Fault string `json:"fault,omitempty"`
	// Action is what was done on the answer, such as approved; empty where nobody
	// said.
	Action string `json:"action,omitempty"`
	// Propensity is the probability with which a label could come of the case, such
	// as that of having been let through; 0 where nobody said.
	Propensity float64 `json:"propensity,omitempty"`
}

// maxWeight bounds what one row counts for: a case that had one chance in a
// thousand of a label must not decide alone.
const maxWeight = 20

// Weight is how many rows a labelled row of this prediction stands for: one over
// its propensity, at most 20, and 1 where that is not known.
func (p Prediction) Weight() float64 {
	if !(p.Propensity > 0 && p.Propensity < 1) {
		return 1
	}
	return min(1/p.Propensity, maxWeight)
}

// ShadowScore is what a version that does not serve would have answered.
type ShadowScore struct {
	ID      PredictionID  `json:"prediction_id"`
	Seq     int64         `json:"seq"`
	Time    time.Time     `json:"time"`
	Version VersionID     `json:"version"`
	Scores  []float64     `json:"scores,omitempty"`
	Served  []float64     `json:"served,omitempty"` // What the user got.
	Latency time.Duration `json:"latency_ns"`
	Fault   string        `json:"fault,omitempty"`
}

// FeedbackKind is what a piece of feedback says.
type FeedbackKind string

// The kinds of feedback.
const (
	Label      FeedbackKind = "label"      // The truth.
	Correction FeedbackKind = "correction" // The truth, in place of an earlier label.
	Score      FeedbackKind = "score"      // A number about the answer.
	Thumb      FeedbackKind = "thumb"      // up or down.
)

// Feedback is a later signal about a prediction.
type Feedback struct {
	PredictionID PredictionID `json:"prediction_id"`
	Kind         FeedbackKind `json:"kind"`
	Value        string       `json:"value"`
	// Time at which the truth was known, as the sender says; else Received.
	Time     time.Time `json:"time"`
	Received time.Time `json:"received"`
	Source   string    `json:"source,omitempty"`
	// Seq counts the model's feedback in the order in which it was stored.
	Seq    int64  `json:"seq"`
	Effect Effect `json:"effect"`
}

// Effect is what a piece of feedback did.
type Effect string

// The effects.
const (
	Joined       Effect = "joined"       // The prediction has its label.
	Early        Effect = "early"        // Kept: no such prediction yet.
	Repeated     Effect = "repeated"     // Nothing new.
	Corrected    Effect = "corrected"    // The label is another one now.
	Contradicted Effect = "contradicted" // Two labels differ; the row is set aside until a correction.
	Noted        Effect = "noted"        // A score or thumb, kept.
	Erased       Effect = "erased"       // Not kept: the prediction was erased.
)

// Outcome is a prediction with what is known of its truth.
type Outcome struct {
	Prediction
	Label string `json:"label"`
	// LabelTime is when the label was known, LabelSeq its place in the journal.
	LabelTime time.Time `json:"label_time"`
	LabelSeq  int64     `json:"label_seq"`
	// LabelReceived is when Hone stored it, whatever the sender says; zero where
	// that was not asked for.
	LabelReceived time.Time `json:"label_received,omitzero"`
	// Inferred is set where no label came, and its absence stands for one. Such a
	// label is never stored.
	Inferred bool `json:"inferred,omitempty"`
	// Asked is set where the label was asked for, and counts since it would have
	// come anyway: it says nothing of how labels come.
	Asked bool `json:"asked,omitempty"`
	// Source of the label, as its sender said; empty where nobody did.
	Source string `json:"label_source,omitempty"`
	// Mature is when the label began to count: once it had come and its
	// prediction had the age of the label delay.
	Mature time.Time `json:"mature"`
	Effect Effect    `json:"effect"`
}
