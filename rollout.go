package hone

import "time"

// Rollout is how far a candidate has got.
type Rollout struct {
	Version VersionID `json:"version"`
	Steps   []Step    `json:"steps"`
	Step    int       `json:"step"` // Index of the step under way.
	// Since is when the step began; From is the model's last prediction then.
	Since time.Time `json:"since"`
	From  int64     `json:"from_seq"`
	Salt  string    `json:"salt"`
	// Hurry says why the steps are shorter than they are configured; empty where not.
	Hurry  string `json:"hurry,omitempty"`
	Paused bool   `json:"paused,omitempty"`
	// Ask says why a person must decide, empty when nobody need.
	Ask      string    `json:"ask,omitempty"`
	Verdicts []Verdict `json:"verdicts,omitempty"` // Of the step under way.
	// Outlook is what the step under way was said to see before it began.
	Outlook *Outlook `json:"outlook,omitempty"`
	// Evidence is the digest of what the verdicts were given on, where the owner has
	// guardrails: they can be had from it again.
	Evidence string `json:"evidence,omitempty"`
}

// Outlook says what harm a step of a rollout can see.
type Outlook struct {
	Requests int `json:"requests"` // Answers of the candidate by which it is judged.
	// After is how long they take at the rate of the traffic; 0 where that is not
	// known.
	After    Duration `json:"after,omitempty"`
	Sights   []Sight  `json:"sights,omitempty"`
	Sentence string   `json:"sentence,omitempty"`
}

// Sight is the least harm that one guard sees four times in five.
type Sight struct {
	Gate string `json:"gate"`
	// Base is how often the champion fails or is slow, or on what share of the
	// requests the versions differ.
	Base float64 `json:"base"`
	Harm float64 `json:"harm"` // More of it, as a share; 1 where none is seen.
}

// Health is what was seen of a step: the challenger's answers against those of
// the control, which are all that the champion gave meanwhile; or shadow answers
// against what was served.
type Health struct {
	Canary  Arm `json:"canary"`
	Control Arm `json:"control"`
	// Agree counts shadow answers that equal the served one.
	Agree int `json:"agree"`
	// Quality is the paired loss on labels that have come, challenger less
	// champion.
	Quality Paired `json:"quality"`
	// Champion counts what the champion answered, and failed to, since it was
	// watched: also before the step.
	Champion Tally `json:"champion"`
	// SlowerThan is the time, in nanoseconds, that Slow
	// counts against.
	SlowerThan time.Duration `json:"slower_than_ns"`
	// Guards is what was measured for each of the model's guardrails, in their order.
	Guards []Reading `json:"guards,omitempty"`
	// Elsewhere is set where the owner's server splits the traffic, and says in the log
	// which version answered.
	Elsewhere bool `json:"elsewhere,omitempty"`
}

// Arm counts one side's answers.
type Arm struct {
	Requests int           `json:"requests"`
	Units    int           `json:"units"` // Different users or sessions.
	Faults   int           `json:"faults"`
	Slow     int           `json:"slow"`
	P50      time.Duration `json:"p50_ns"`
	P99      time.Duration `json:"p99_ns"`
	Fault    string        `json:"fault,omitempty"` // One example.
	// AlikeFaults and AlikeSlow are how many answers count as one, since those to the
	// same user, and those to rows of the same request, are alike; 0 where each
	// stands for itself.
	AlikeFaults float64 `json:"alike_faults,omitempty"`
	AlikeSlow   float64 `json:"alike_slow,omitempty"`
}

// Tally counts requests, and those that failed.
type Tally struct {
	Requests int `json:"requests"`
	Faults   int `json:"faults"`
}

// Watch is the probation of a new champion.
type Watch struct {
	Model    string    `json:"model"`
	Version  VersionID `json:"version"`
	Previous VersionID `json:"previous"`
	// Proven is the newest champion before it whose own probation is over and
	// survived, and Unproven those since: what a rollback goes to, and past.
	Proven   VersionID   `json:"proven,omitempty"`
	Unproven []VersionID `json:"unproven,omitempty"`
	Run      RunID       `json:"run"`
	// Reused is set where the version had served before, and came back by what it would
	// have lost on rows up to Since: these do not judge it again.
	Reused bool      `json:"reused,omitempty"`
	Since  time.Time `json:"since"`
	From   int64     `json:"from_seq"` // Predictions after this one count.
	// FromFeedback is the last feedback read before the version began to serve.
	FromFeedback int64  `json:"from_feedback_seq"`
	Labels       int    `json:"labels"`  // How many it lasts.
	Quality      Paired `json:"quality"` // New champion less previous.
	// Guards is what was measured by the owner's metrics, Verdicts what that says, and
	// Evidence the digest of the rows.
	Guards   []Reading `json:"guards,omitempty"`
	Verdicts []Verdict `json:"verdicts,omitempty"`
	Evidence string    `json:"evidence,omitempty"`
	Over     bool      `json:"over"`
	Sentence string    `json:"sentence"`
}

// Plan is all that a gateway needs to know of a model. A gateway refuses a plan
// whose token is lower than that of the one it has.
type Plan struct {
	Model      string    `json:"model"`
	Token      int64     `json:"token"`
	Champion   VersionID `json:"champion"`
	Previous   VersionID `json:"previous,omitempty"` // Kept loaded.
	Challenger VersionID `json:"challenger,omitempty"`
	// Weight is the challenger's share; the control's share is as large while
	// both fit.
	Weight   float64       `json:"weight"`
	Salt     string        `json:"salt,omitempty"`
	StickyBy string        `json:"sticky_by,omitempty"`
	Shadow   VersionID     `json:"shadow,omitempty"` // Answers unseen.
	Log      LogMode       `json:"log"`
	Timeout  time.Duration `json:"timeout_ns"` // Of a challenger or shadow.
}
