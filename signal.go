package hone

import "time"

// Signal is a measured fact about a model.
type Signal struct {
	Model string    `json:"model"`
	Name  string    `json:"name"`            // Such as loss, accuracy, drift.share, recoverable_loss.
	Slice string    `json:"slice,omitempty"` // feature=value, or a feature's name.
	At    time.Time `json:"at"`
	Value float64   `json:"value"`
	// Lower and Upper bound the value where it is an estimate from a sample.
	Lower float64 `json:"lower,omitempty"`
	Upper float64 `json:"upper,omitempty"`
	N     int     `json:"n"` // Rows that it was measured on.
	// Unknown says why there is no value; Value is then 0 and means nothing.
	Unknown string `json:"unknown,omitempty"`
}

// Tick is the recoverable loss of one stretch of labelled rows: the sum of what
// the probe saved against the champion, and the sum of its squares.
type Tick struct {
	At    time.Time `json:"at"`
	N     int       `json:"n"`
	Gain  float64   `json:"gain"`
	Var   float64   `json:"var"`
	Loss  float64   `json:"loss"`  // Sum of the champion's own loss.
	Probe float64   `json:"probe"` // Sum of the probe's.
}

// TriggerKind names what can start a run.
type TriggerKind string

// The kinds of trigger.
const (
	OnFirst       TriggerKind = "first" // There is no champion yet.
	OnLoss        TriggerKind = "recoverable_loss"
	OnSchedule    TriggerKind = "schedule"
	OnVolume      TriggerKind = "data_volume"
	OnDrift       TriggerKind = "drift"
	OnPerformance TriggerKind = "performance"
	OnManual      TriggerKind = "manual"
)

// Reason is what one trigger or guard says.
type Reason struct {
	Trigger TriggerKind `json:"trigger,omitempty"`
	Guard   string      `json:"guard,omitempty"` // Such as cooldown; set when it held the run back.
	Fired   bool        `json:"fired"`
	// Value was held against Limit.
	Value    float64 `json:"value"`
	Limit    float64 `json:"limit"`
	Sentence string  `json:"sentence"`
}

// Decision is what was decided on a model's signals, also when it was to wait.
type Decision struct {
	ID      string      `json:"id"`
	Model   string      `json:"model"`
	At      time.Time   `json:"at"`
	Start   bool        `json:"start"` // A run begins.
	Trigger TriggerKind `json:"trigger,omitempty"`
	By      string      `json:"by"`
	Reasons []Reason    `json:"reasons"`
	Signals []Signal    `json:"signals,omitempty"`
	Ticks   []Tick      `json:"ticks,omitempty"`
	// LossRate is the loss that the stale champion is thought to cost a row.
	LossRate float64 `json:"loss_rate,omitempty"`
	Sentence string  `json:"sentence"`
}
