package hone

import (
	"encoding/json"
	"time"
)

// Trigger is a rule over signals that starts a run. Exactly one of the fields
// above Consecutive is set.
type Trigger struct {
	// RecoverableLoss fires when the loss that a retrain would win back is
	// worth the price of the retrain.
	RecoverableLoss *RecoverableLoss `json:"recoverable_loss,omitempty" yaml:"recoverable_loss"`
	// Schedule fires by the clock.
	Schedule *Schedule `json:"schedule,omitempty" yaml:"schedule"`
	// DataVolume fires when so many new mature labels have come since the
	// champion was trained, and since the last run.
	DataVolume int `json:"data_volume,omitempty" yaml:"data_volume"`
	// Drift fires when at least this share of the features has drifted.
	Drift *DriftTrigger `json:"drift,omitempty" yaml:"drift"`
	// Performance fires when a metric on mature labels is surely past its limit.
	Performance *Performance `json:"performance,omitempty" yaml:"performance"`
	// When is an expression over signals, in CEL: drift.max > 0.3 && labels.mature
	// > 2000. It fires when the expression is surely true.
	When string `json:"when,omitempty" yaml:"when"`
	// Event fires when something is announced to Hone: by its type and
	// source, by the command event or over REST.
	Event *EventTrigger `json:"event,omitempty" yaml:"event"`
	// PolicyChange fires when the loss, the gates, the evidence, the slices or the
	// file of anchor cases are others than those that the champion was proven under.
	PolicyChange bool `json:"policy_change,omitempty" yaml:"policy_change"`
	// Any fires when one of its rules does.
	Any Triggers `json:"any,omitempty" yaml:"any"`
	// All fires when all of its rules do.
	All Triggers `json:"all,omitempty" yaml:"all"`
	// AtLeast fires when enough of its rules do.
	AtLeast *AtLeast `json:"at_least,omitempty" yaml:"at_least"`
	// Consecutive is at how many looks in a row the rule must hold; a look is a
	// tick or a window. One that cannot tell is passed over. Default 1.
	Consecutive int `json:"consecutive,omitempty" yaml:"consecutive"`
	// WarmUp is how long after its champion took over the rule says nothing.
	// Default 0.
	WarmUp Duration `json:"warm_up,omitempty" yaml:"warm_up"`
}

// Triggers are the rules inside any, all and at_least.
type Triggers []Trigger

// AtLeast combines rules by how many of them hold.
type AtLeast struct {
	// N is how many must hold.
	N int `json:"n" yaml:"n"`
	// Of are the rules.
	Of Triggers `json:"of" yaml:"of"`
}

// RecoverableLoss prices a retrain.
type RecoverableLoss struct {
	// RetrainCost is what one retrain and rollout costs, in the currency of costs; or
	// auto: the mean of what the last ten runs that trained cost, as Hone measured it.
	// auto wants costs.core_hour.
	RetrainCost Price `json:"retrain_cost" yaml:"retrain_cost"`
	// Reuse is how many former champions are asked about each labelled row, so that
	// one that would lose surely less comes back without training. Default 5; -1 asks
	// none.
	Reuse int `json:"reuse,omitempty" yaml:"reuse"`
	// Blind is when a model without a schedule retrains while its probe cannot tell
	// whether that would pay. Default: the first of each month, at 3:00 UTC.
	Blind *Schedule `json:"blind,omitempty" yaml:"blind"`
}

// Schedule is a cron expression of five fields.
type Schedule struct {
	// Cron is minute, hour, day of month, month, day of week.
	Cron string `json:"cron" yaml:"cron"`
	// TimeZone is an IANA name such as Europe/Paris. Default UTC.
	TimeZone string `json:"time_zone,omitempty" yaml:"time_zone"`
}

// DriftTrigger starts a run on drift alone, for owners who want that.
type DriftTrigger struct {
	// Features is the share of features that must have drifted.
	Features float64 `json:"features" yaml:"features"`
}

// Performance is a limit on a realised metric.
type Performance struct {
	// Metric is loss, accuracy, auc, pr_auc, log_loss, brier, f1, macro_f1, kappa,
	// cost, rmse, mae or mape; or loss.change, by which the loss a row has changed its
	// level.
	Metric string `json:"metric" yaml:"metric"`
	// Below fires when the metric is surely under it.
	Below *float64 `json:"below,omitempty" yaml:"below"`
	// Above fires when the metric is surely over it.
	Above *float64 `json:"above,omitempty" yaml:"above"`
}

// EventTrigger says which announcements start a run.
type EventTrigger struct {
	// Type of the event, such as com.acme.catalogue.changed; a * at its end stands
	// for the rest. Default: any.
	Type string `json:"type,omitempty" yaml:"type"`
	// Source of the event, such as /catalogue; a * at its end stands for the rest.
	// Default: any.
	Source string `json:"source,omitempty" yaml:"source"`
}

// Guards hold runs back.
type Guards struct {
	// Cooldown is the least time between the end of a run and the next. Default 1h.
	Cooldown Duration `json:"cooldown" yaml:"cooldown"`
	// MaxPerDay is the most runs that triggers may start in 24 hours. Default 4.
	MaxPerDay int `json:"max_per_day" yaml:"max_per_day"`
	// MaxPerMonth is the most runs that triggers may start in 30 days; left out, it
	// is no less than MaxPerDay. Default 40.
	MaxPerMonth int `json:"max_per_month" yaml:"max_per_month"`
	// MinNewLabels is the least number of mature labels that must have come
	// since the champion was trained, and since the last run. Default 200.
	MinNewLabels int `json:"min_new_labels" yaml:"min_new_labels"`
	// Budget caps what runs may cost, whoever starts them.
	Budget Budget `json:"budget,omitzero" yaml:"budget"`
}

// Budget caps what runs may cost, in the currency of costs. It holds for persons too,
// and force does not pass it.
type Budget struct {
	// RunCost is what one run costs. Default: retrain_cost of the recoverable_loss
	// trigger.
	RunCost float64 `json:"run_cost,omitempty" yaml:"run_cost"`
	// PerDay is the most that the runs of 24 hours may cost together. Default: no cap.
	PerDay float64 `json:"per_day,omitempty" yaml:"per_day"`
	// PerMonth is the most that the runs of 30 days may cost together. Default: no
	// cap.
	PerMonth float64 `json:"per_month,omitempty" yaml:"per_month"`
}

// CloudEvent is something that happened elsewhere, as it was announced.
type CloudEvent struct {
	Seq      int64     `json:"seq"`
	Model    string    `json:"model"`
	ID       string    `json:"id"`
	Source   string    `json:"source"`
	Type     string    `json:"type"`
	Subject  string    `json:"subject,omitempty"`
	Time     time.Time `json:"time,omitzero"`
	Received time.Time `json:"received"`
	By       string    `json:"by"` // Who announced it.
	// Pending is set until a run answers it, where a trigger waits for such an
	// event.
	Pending bool            `json:"pending"`
	Run     RunID           `json:"run,omitempty"` // That answered it.
	Data    json.RawMessage `json:"data,omitempty"`
}

// Policy is what a candidate is judged by, as far as its owner says so.
type Policy struct {
	Loss     Loss     `json:"loss"`
	Gates    []Gate   `json:"gates,omitempty"`
	Evidence Evidence `json:"evidence,omitempty"`
	Slices   []string `json:"slices,omitempty"`
	Anchor   string   `json:"anchor,omitempty"` // SHA-256 of the file of anchor cases.
}

// Policy is the model's own, with the anchor cases of the given hash.
func (m Model) Policy(anchor string) Policy {
	p := Policy{Loss: m.Loss, Evidence: m.Evidence, Anchor: anchor}
	p.Gates, p.Slices = append(p.Gates, m.Gates...), append(p.Slices, m.Slices...)
	return p
}

// Incident is what alarms that come together are to a person: one thing.
type Incident struct {
	ID     string    `json:"incident"`
	Model  string    `json:"model"`
	Opened time.Time `json:"opened"`
	Closed time.Time `json:"closed,omitzero"`
	// Causes are the alarms in the order in which they came, each kind once.
	Causes   []string `json:"causes"`
	Calm     int      `json:"-"` // Looks in a row without an alarm.
	Sentence string   `json:"sentence"`
}
