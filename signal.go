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
// the probe saved against the champion, less what it saves on rows that the champion
// learned from, and the sum of the squares of what it saved.
type Tick struct {
	At    time.Time `json:"at"`
	N     int       `json:"n"`
	Gain  float64   `json:"gain"`
	Var   float64   `json:"var"`
	Loss  float64   `json:"loss"`  // Sum of the champion's own loss.
	Probe float64   `json:"probe"` // Sum of the probe's.
	// Rivals are the versions that were asked about the same rows.
	Rivals []Rival `json:"rivals,omitempty"`
}

// Rival is another version on the rows of a tick: the sum of what it would have saved
// against the champion, and the sum of its squares.
type Rival struct {
	Version VersionID `json:"version"`
	// Learner is set where it goes on learning: Version is then its newest snapshot.
	Learner bool `json:"learner,omitempty"`
	N       int  `json:"n"`
	// Own counts the rows of these that Version itself was asked about.
	Own  int     `json:"own,omitempty"`
	Gain float64 `json:"gain"`
	Var  float64 `json:"var"`
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
	OnWhen        TriggerKind = "when"
	OnEvent       TriggerKind = "event"
	OnPolicy      TriggerKind = "policy_change"
	OnAny         TriggerKind = "any"
	OnAll         TriggerKind = "all"
	OnAtLeast     TriggerKind = "at_least"
	OnManual      TriggerKind = "manual"
)

// Reason is what one trigger or guard says.
type Reason struct {
	Trigger TriggerKind `json:"trigger,omitempty"`
	Guard   string      `json:"guard,omitempty"` // Such as cooldown; set when it held the run back.
	// Depth is 0 for a trigger of its own, else how deep it stands in the
	// combination before it.
	Depth int  `json:"depth,omitempty"`
	Fired bool `json:"fired"`
	// Unknown is set when it cannot be told whether the rule holds.
	Unknown bool `json:"unknown,omitempty"`
	// Value was held against Limit.
	Value    float64 `json:"value"`
	Limit    float64 `json:"limit"`
	Sentence string  `json:"sentence"`
}

// Other is what another common policy would do at a moment. It starts nothing.
type Other struct {
	Kind  string `json:"kind"` // Such as psi.
	Fired bool   `json:"fired,omitempty"`
	// Unknown is set when it cannot be told.
	Unknown bool `json:"unknown,omitempty"`
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
	// Reuse is the former champion that comes back, so that nothing is trained.
	Reuse VersionID `json:"reuse,omitempty"`
	// Forecast is what the run is to win back, whatever started it; nil for a first
	// version.
	Forecast *Forecast `json:"forecast,omitempty"`
	// LossRate is the loss that the stale champion is thought to cost a row.
	LossRate float64 `json:"loss_rate,omitempty"`
	// Event is the newest announcement that the run answers.
	Event *CloudEvent `json:"event,omitempty"`
	// Policy names what candidates were judged by at the time.
	Policy string `json:"policy,omitempty"`
	// Cost is what the run that begins is to cost, in the model's currency, where that
	// is known.
	Cost float64 `json:"cost,omitempty"`
	// Streaks counts at how many looks in a row each rule with consecutive held.
	Streaks map[string]int `json:"streaks,omitempty"`
	// Others are what other common policies would do now. A report holds them against
	// what was done.
	Others []Other `json:"others,omitempty"`
	// Again is when time alone may change the decision; zero when it cannot.
	Again    time.Time `json:"again,omitzero"`
	Sentence string    `json:"sentence"`
}
