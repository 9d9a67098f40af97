package hone

import "time"

// Evaluation compares a candidate with the champion on the same rows.
type Evaluation struct {
	Candidate VersionID `json:"candidate"`
	Champion  VersionID `json:"champion,omitempty"`
	Dataset   DatasetID `json:"dataset"`
	At        time.Time `json:"at"`
	Loss      Paired    `json:"loss"`
	// Asked are labels that were asked for, of rows that Loss does not count.
	Asked *Asked `json:"asked,omitempty"`
	// Metrics by name, each for both.
	Metrics []MetricPair `json:"metrics"`
	// Lacking says of metrics that have no value on these rows why, by name.
	Lacking map[string]string `json:"lacking,omitempty"`
	// Look is how often the candidate has been looked at, this time included.
	Look int `json:"look,omitempty"`
	// Trial is how many candidates were judged since the last promotion that stood,
	// this one included: strict evidence spends its error over them.
	Trial int `json:"trial,omitempty"`
	// Evidence is the digest of what was compared, row by row: the verdicts can be
	// had from it again.
	Evidence string      `json:"evidence,omitempty"`
	Slices   []SlicePair `json:"slices,omitempty"`
	// Eras are former times that both versions were asked about.
	Eras []EraPair `json:"eras,omitempty"`
	// Permuted is the candidate against a twin that learned from permuted labels.
	Permuted *Permuted `json:"permuted_twin,omitempty"`
	// Trivial is the loss of the best constant answer.
	Trivial float64      `json:"trivial_loss"`
	Anchors []AnchorFail `json:"anchor_failures,omitempty"`
	// AnchorCases is the number of anchor cases that were asked.
	AnchorCases int    `json:"anchor_cases"`
	Replay      Replay `json:"replay"`
	// Refit is what the version that was trained on all rows does, where there is one.
	Refit *Refit `json:"refit,omitempty"`
}

// Refit is a version that was trained again on all rows, on the rows held out.
type Refit struct {
	Version VersionID `json:"version"`
	Loss    float64   `json:"loss"`
	N       int       `json:"n"`
	Failed  int       `json:"anchor_failures"`
}

// Paired is the difference of two losses over the same rows: candidate less
// champion, so that negative is better.
type Paired struct {
	N int `json:"n"`
	// Effective is the number of rows of equal weight, each by itself, that say as
	// much; 0 where N is that number.
	Effective float64 `json:"effective_n,omitempty"`
	Candidate float64 `json:"candidate"`
	Champion  float64 `json:"champion"`
	Diff      float64 `json:"diff"`
	Lower     float64 `json:"lower"` // 95 % interval of Diff.
	Upper     float64 `json:"upper"`
	Bound     float64 `json:"bound"` // The most that one row can lose.
	// Flips counts rows that the champion had right and the candidate has wrong;
	// Gains the other way round.
	Flips int `json:"flips"`
	Gains int `json:"gains"`
	// PValue of the exact McNemar test, two-sided.
	PValue float64 `json:"p_value"`
	// Better is the e-value against "the candidate is not better"; Worse the
	// e-value against "the candidate is not worse".
	Better float64 `json:"e_better"`
	Worse  float64 `json:"e_worse"`
	// Clusters of rows that the e-values bet on: users, and rows that follow each
	// other.
	Clusters int `json:"clusters,omitempty"`
	// Reach is the mean square of how far the losses of a row can differ, whatever
	// its label is: for wrong answers the share of rows on which the answers differ.
	Reach float64 `json:"reach,omitempty"`
}

// MetricPair is one metric of both versions.
type MetricPair struct {
	Metric    string  `json:"metric"`
	Candidate float64 `json:"candidate"`
	Champion  float64 `json:"champion"`
	Higher    bool    `json:"higher_is_better"`
	// Lower and Upper are the 95 % interval of the candidate's less the champion's,
	// on the same rows; equal where it is not known.
	Lower float64 `json:"lower,omitempty"`
	Upper float64 `json:"upper,omitempty"`
	N     int     `json:"n"`
}

// SlicePair is the paired loss on one slice.
type SlicePair struct {
	Slice string `json:"slice"`
	Paired
}

// EraPair is the paired loss on rows of a former time.
type EraPair struct {
	Era string `json:"era"`
	// Keep is set where a candidate must not have forgotten it.
	Keep bool `json:"keep,omitempty"`
	// Trained is set where the champion was trained on the rows, and the candidate
	// was not: they are easier for the champion.
	Trained bool `json:"champion_trained,omitempty"`
	Paired
}

// Permuted is what a twin of the candidate does that was trained on the same rows
// with their labels permuted, so that there was nothing to learn.
type Permuted struct {
	// Loss is the candidate's less the twin's; Score the same in log loss, or in
	// squared error for numbers.
	Loss  Paired `json:"loss"`
	Score Paired `json:"score"`
	// Known is what several such twins have in common that tells rows from each
	// other: an AUC, of which 0.5 is nothing.
	Known MetricPair `json:"known"`
	// Fault says why there is no twin.
	Fault string `json:"fault,omitempty"`
}

// AnchorFail is an anchor case that the candidate got wrong.
type AnchorFail struct {
	Case   string `json:"case"`
	Want   string `json:"want"`
	Got    string `json:"got"`
	WasToo bool   `json:"champion_failed_too"`
}

// Replay is what answering logged requests costs, both versions interleaved.
type Replay struct {
	Requests     int           `json:"requests"`
	Candidate    time.Duration `json:"candidate_p99_ns"`
	Champion     time.Duration `json:"champion_p99_ns"`
	CandidateP50 time.Duration `json:"candidate_p50_ns"`
	ChampionP50  time.Duration `json:"champion_p50_ns"`
	// Slow and ChampionSlow count answers that took more than 1.25 times the
	// champion's slowest hundredth.
	Slow         int    `json:"candidate_slow"`
	ChampionSlow int    `json:"champion_slow"`
	CandidateMem int64  `json:"candidate_bytes"`
	ChampionMem  int64  `json:"champion_bytes"`
	Faults       int    `json:"faults"`
	Fault        string `json:"fault,omitempty"`
}

// Result is what a gate found.
type Result string

// The results.
const (
	Pass         Result = "pass"
	Fail         Result = "fail"
	Inconclusive Result = "inconclusive"
)

// Verdict is one gate's finding, with the numbers it rests on.
type Verdict struct {
	Gate   string  `json:"gate"`
	Slice  string  `json:"slice,omitempty"`
	Result Result  `json:"result"`
	Value  float64 `json:"value"`
	Limit  float64 `json:"limit"`
	Lower  float64 `json:"lower,omitempty"`
	Upper  float64 `json:"upper,omitempty"`
	N      int     `json:"n"`
	Need   int     `json:"need,omitempty"` // More rows that would decide it, as a forecast.
	Unit   string  `json:"unit,omitempty"`
	// Warns is set where the finding is said and holds nothing up.
	Warns    bool   `json:"warns,omitempty"`
	Sentence string `json:"sentence"`
}

// Standing is the result in one word: warns where a finding that did not pass
// holds nothing up.
func (v Verdict) Standing() string {
	if v.Warns && v.Result != Pass {
		return "warns"
	}
	return string(v.Result)
}

// Ruling is what a run does with its candidate.
type Ruling string

// The rulings.
const (
	Promote Ruling = "promote"
	Hold    Ruling = "hold"
	Reject  Ruling = "reject"
)
