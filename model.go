package hone

import (
	"fmt"
	"time"

	"hone/internal/frame"
)

// Task is what a model predicts.
type Task string

// The tasks.
const (
	Binary     Task = "binary"
	Multiclass Task = "multiclass"
	Regression Task = "regression"
)

// Model is one prediction service and its whole configuration.
type Model struct {
	// Name of the model, as in URLs: lower-case letters, digits, - and _.
	Name string `json:"name" yaml:"-"`
	// Owner is the name or address of whoever answers for the model.
	Owner string `json:"owner,omitempty" yaml:"owner"`
	// Task is binary, multiclass or regression.
	Task Task `json:"task" yaml:"task"`
	// Serving is gateway: Hone answers predictions; or external: a server of the
	// owner's answers them, and logs each with the version that gave it. Default
	// gateway.
	Serving Serving `json:"serving,omitempty" yaml:"serving"`
	// Deliver hands each new plan, and the version that it brings, to the owner's
	// servers, for serving: external. Default: they ask for it (`hone weights`).
	Deliver Delivery `json:"deliver,omitzero" yaml:"deliver"`
	// Features that the model is given, by name: number, category or text.
	Features frame.Schema `json:"features" yaml:"features"`
	// Label is what turns out to be true.
	Label LabelSpec `json:"label" yaml:"label"`
	// Loss is what a wrong answer costs. Every part of the loop counts in it.
	Loss Loss `json:"loss" yaml:"loss"`
	// Costs puts what is lost, trained, labelled and refused into one currency.
	Costs Costs `json:"costs,omitzero" yaml:"costs"`
	// Slices are the features by whose values the numbers are also kept apart.
	Slices []string `json:"slices,omitempty" yaml:"slices"`
	// Monitor says how the predictions are watched.
	Monitor MonitorSpec `json:"monitor" yaml:"monitor"`
	// Dataset says which rows a run trains on and holds out.
	Dataset DatasetSpec `json:"dataset" yaml:"dataset"`
	// Validation says what the rows of a run must be like before anything is trained
	// on them.
	Validation ValidationSpec `json:"validation,omitzero" yaml:"validation"`
	// Train says how a candidate is made.
	Train TrainSpec `json:"train" yaml:"train"`
	// Upstreams are the servers that artefacts of the format upstream may name. No
	// other is called.
	Upstreams []Upstream `json:"upstreams,omitempty" yaml:"upstreams"`
	// Triggers start runs; any one of them is enough.
	Triggers []Trigger `json:"triggers" yaml:"triggers"`
	// Guards hold runs back.
	Guards Guards `json:"guards" yaml:"guards"`
	// Metrics are the owner's own, by name: gates can hold a candidate to them.
	Metrics map[string]Metric `json:"metrics,omitempty" yaml:"metrics"`
	// Gates are what a candidate must pass, besides the default ones.
	Gates []Gate `json:"gates,omitempty" yaml:"gates"`
	// Evidence is balanced or strict: how much proof a promotion needs.
	Evidence Evidence `json:"evidence" yaml:"evidence"`
	// Approval is auto, or manual: a person releases each candidate.
	Approval Approval `json:"approval" yaml:"approval"`
	// FourEyes lets nobody approve or promote what came of a run that they started,
	// or of a configuration that they applied. It wants approval: manual.
	FourEyes bool `json:"four_eyes,omitempty" yaml:"four_eyes"`
	// Rollout says how a proven candidate gets the traffic.
	Rollout RolloutSpec `json:"rollout" yaml:"rollout"`
	// Log is buffered (answers go out at once and are stored at most 100 ms later)
	// or durable (answers go out once stored).
	Log LogMode `json:"log" yaml:"log"`
	// Retention is how long predictions and feedback are kept. Default 90d.
	Retention Duration `json:"retention" yaml:"retention"`
}

// Serving says who answers a model's predictions.
type Serving string

// The ways of serving.
const (
	Gateway  Serving = "gateway"
	External Serving = "external"
)

// Elsewhere tells whether a server of the owner's answers, and not Hone.
func (m Model) Elsewhere() bool { return m.Serving == External }

// Delivery says how a plan gets to the owner's servers: by a command or by a webhook.
// It is tried until it works, so that it may arrive more than once.
type Delivery struct {
	// Command is the program and its arguments. It finds the files of the version in the
	// folder that HONE_ARTEFACT names, the plan in plan.json of the folder that
	// HONE_DELIVERY names, and HONE_MODEL and HONE_VERSION. Its exit status says whether
	// it worked.
	Command []string `json:"command,omitempty" yaml:"command"`
	// Timeout is how long the command may take. Default 10m.
	Timeout Duration `json:"timeout,omitempty" yaml:"timeout"`
	// Network lets the command reach the network. Default false.
	Network bool `json:"network,omitempty" yaml:"network"`
	// Env is what the command finds in its environment besides, by name, each a
	// reference to a secret.
	Env map[string]Secret `json:"env,omitempty" yaml:"env"`
	// Webhook is the address that the plan is posted to, signed as Standard Webhooks
	// has it.
	Webhook string `json:"webhook,omitempty" yaml:"webhook"`
	// Secret is a reference to the webhook's key: whsec_ and base64.
	Secret Secret `json:"secret,omitempty" yaml:"secret"`
	// Private lets the webhook be at a private address, or without TLS. Default false.
	Private bool `json:"private,omitempty" yaml:"private"`
}

// Wanted tells whether anything is to be delivered.
func (d Delivery) Wanted() bool { return len(d.Command) > 0 || d.Webhook != "" }

// LabelSpec describes the ground truth.
type LabelSpec struct {
	// Name of the label's column in files.
	Name string `json:"name" yaml:"name"`
	// Delay after which a prediction's label would have come; a label counts
	// once its prediction is this old. Default 0: labels count as they come.
	Delay Duration `json:"delay" yaml:"delay"`
	// Positive is the class whose probability a binary model gives. Default "1".
	Positive string `json:"positive,omitempty" yaml:"positive"`
	// AbsentMeans is the class that a prediction without a label counts as, where
	// only some cases are ever reported, such as 0 where frauds are. It is set
	// together with after. Default: a prediction without a label counts as nothing.
	AbsentMeans string `json:"absent_means,omitempty" yaml:"absent_means"`
	// After is the age from which a prediction counts where absent_means is set:
	// with its label, or without one as absent_means says, once a later label of
	// any prediction has shown that labels still come. A label that comes after that
	// corrects it.
	After Duration `json:"after,omitempty" yaml:"after"`
}

// Infers tells whether a prediction without a label comes to count.
func (l LabelSpec) Infers() bool { return l.AbsentMeans != "" && l.After > 0 }

// Presumed is when a prediction comes to count, with or without a label, provided
// that a label of any prediction came at that moment or later: once it has the age
// of After, and not before Hone had it.
func (l LabelSpec) Presumed(p Prediction) time.Time {
	at := p.Time.Add(time.Duration(l.After))
	if p.Received.After(at) {
		return p.Received
	}
	return at
}

// MonitorSpec says how predictions are watched.
type MonitorSpec struct {
	// Window is the number of predictions that drift is judged on. Default 1000.
	// Where the champion's data show that rows follow each other so closely that
	// this many say less than 200 independent ones, it is made longer, eight times
	// at most, and the verdict says so.
	Window int `json:"window" yaml:"window"`
	// Detector finds when the loss a row, or the scores, began to run at another
	// level: adwin, page_hinkley, ddm (only counts errors), hddm_a or hddm_w. The
	// signals are loss.change and score.change. Default adwin.
	Detector string `json:"detector,omitempty" yaml:"detector"`
	// Every judges drift by time instead of by rows: one window for each such
	// stretch of the time at which predictions were made. A window with fewer than
	// 200 predictions is not judged, and says so.
	Every Duration `json:"every,omitempty" yaml:"every"`
	// Late is how long a window by time waits for predictions that come late. Each
	// counts in the window of its own time. Default: a tenth of every.
	Late Duration `json:"late,omitempty" yaml:"late"`
	// Joint also tells each window of predictions from the rows that the champion was
	// made from by all features together, at most once a minute: the signals are
	// drift.joint, an AUC, and drift.joint_p. It costs some 70 ms of one
	// core for 25 features. Default false.
	Joint bool `json:"joint,omitempty" yaml:"joint"`
	// Season is week or none. With week, a window is compared with what the reference
	// has of the same hours of the week, in UTC, so that a daily or weekly rhythm is
	// no drift. That takes a reference of four weeks or more, and 200 rows of these
	// hours; else it is compared with the whole of it. The verdict says which.
	// Default week.
	Season string `json:"season,omitempty" yaml:"season"`
	// Tick is the number of mature labels after which losses are read and
	// triggers looked at. Default: a tenth of the champion's training rows, from
	// 20 to 200, and 1 % of them at least.
	Tick int `json:"tick,omitempty" yaml:"tick"`
}

// NoSeason compares windows with the whole reference, whatever the hour.
const NoSeason = "none"

// DatasetSpec says which rows a run uses.
type DatasetSpec struct {
	// Window is auto (chosen by forward validation), all, or a number of rows.
	Window string `json:"window" yaml:"window"`
	// History is the share of the training rows drawn from before the window.
	// Default 0.
	History float64 `json:"history" yaml:"history"`
	// Holdout is the share of the newest rows that candidates are judged on and
	// never trained on. Default 20%.
	Holdout float64 `json:"holdout" yaml:"holdout"`
	// Anchor is a file of cases that every candidate must get right.
	Anchor string `json:"anchor,omitempty" yaml:"anchor"`
	// MaxRows bounds the rows of one dataset. Default 200000.
	MaxRows int `json:"max_rows" yaml:"max_rows"`
	// MinRows is the least number of labelled rows that a first version needs;
	// every run needs half of it left to train on. Default 200.
	MinRows int `json:"min_rows" yaml:"min_rows"`
	// MaxPerUser is the most of a dataset's rows that one user or session may have;
	// the newest of them stay. It rises to five times the even share where users are
	// few, and 0 sets no bound. Default 1%.
	MaxPerUser float64 `json:"max_per_user,omitempty" yaml:"max_per_user"`
	// MaxPerSource is the same for the sources of labels: those that feedback names,
	// but for the ones in sources. Labels without a source are your own. Default 20%.
	MaxPerSource float64 `json:"max_per_source,omitempty" yaml:"max_per_source"`
	// MaxPerUserDay is the most rows of one user that count for each day. Default 0,
	// which sets no bound.
	MaxPerUserDay int `json:"max_per_user_day,omitempty" yaml:"max_per_user_day"`
	// Sources of labels that you vouch for: they are neither capped nor quarantined.
	Sources []string `json:"sources,omitempty" yaml:"sources"`
	// Quarantine is how long the labels of a source that was never heard before do
	// not count. Default 0.
	Quarantine Duration `json:"quarantine,omitempty" yaml:"quarantine"`
	// Eras are stretches of time that candidates are asked about. Once such a time
	// is over, half of its rows, 500 at most, are held back for that: they are never
	// trained on. Without any, the time before the window is cut into eras.
	Eras []Era `json:"eras,omitempty" yaml:"eras"`
	// KeepSuspects keeps the rows of sources and users whose labels run against all
	// others. They are left out otherwise, where a trial shows that a model is better
	// without them. Default false.
	KeepSuspects bool `json:"keep_suspects,omitempty" yaml:"keep_suspects"`
	// Trim is the share of the rows to train on, of those whose labels came as
	// feedback, that is left out: those whose labels a model of the other rows
	// believes least. Imported rows and those of the sources that you vouch for stay.
	// Default 0.
	Trim float64 `json:"trim,omitempty" yaml:"trim"`
	// DropCopies leaves out held-out rows that repeat a row to train on, or nearly do.
	// Default false.
	DropCopies bool `json:"drop_copies,omitempty" yaml:"drop_copies"`
}

// Era is a stretch of former time.
type Era struct {
	// Name of the era, such as christmas.
	Name string `json:"name" yaml:"name"`
	// From is its first day (2025-12-01) or moment (2025-12-01T08:00:00Z), in UTC
	// unless it says otherwise.
	From string `json:"from" yaml:"from"`
	// To is its last day, or the moment before which it ends.
	To string `json:"to" yaml:"to"`
	// Keep rejects a candidate that has forgotten the era; else it only warns.
	Keep bool `json:"keep,omitempty" yaml:"keep"`
}

// Span is when the era begins, and when it is over.
func (e Era) Span() (from, end time.Time, err error) {
	if from, _, err = moment(e.From); err != nil {
		return from, end, err
	}
	end, day, err := moment(e.To)
	if day {
		end = end.AddDate(0, 0, 1)
	}
	return from, end, err
}

// moment reads a day or a moment.
func moment(text string) (at time.Time, day bool, err error) {
	if at, err = time.Parse(time.DateOnly, text); err == nil {
		return at, true, nil
	}
	if at, err = time.Parse(time.RFC3339, text); err != nil {
		err = fmt.Errorf("%q is no day or moment; write 2025-12-01 or 2025-12-01T08:00:00Z", text)
	}
	return at, false, err
}

// Caps are what a dataset made now is held to, or nil.
func (s DatasetSpec) Caps() *Caps {
	c := Caps{PerUser: s.MaxPerUser, PerSource: s.MaxPerSource, PerUserDay: s.MaxPerUserDay, Quarantine: s.Quarantine}
	if c.PerUser == 0 && c.PerSource == 0 && c.PerUserDay == 0 && c.Quarantine == 0 {
		return nil
	}
	c.Sources = s.Sources
	return &c
}

// TrainSpec says how a candidate is made.
type TrainSpec struct {
	// Trainer is linear or gbdt (built in), or command. linear learns from numbers,
	// categories and texts; gbdt grows trees, on numbers and categories.
	Trainer string `json:"trainer" yaml:"trainer"`
	// Command is the program and its arguments, for trainer command.
	Command []string `json:"command,omitempty" yaml:"command"`
	// Params are handed to the trainer as they stand.
	Params map[string]any `json:"params,omitempty" yaml:"params"`
	// Search chooses params before each training.
	Search *Search `json:"search,omitempty" yaml:"search"`
	// Continuous has the linear learner learn the labels as they come, beside whatever
	// trains: after each so many labels it is frozen, and one of its versions that loses
	// surely less than the champion takes over. At least 100; default 0, not at all.
	Continuous int `json:"continuous,omitempty" yaml:"continuous"`
	// Calibration has the scores of a binary model mean what they say: platt, isotonic
	// (where a tenth of the rows is a thousand or more, else platt) or none. The built-in
	// trainers learn it from the newest tenth of the rows. Default none.
	Calibration string `json:"calibration,omitempty" yaml:"calibration"`
	// Env is what the command finds in its environment besides HONE_RUN, by name,
	// each a reference to a secret. It is read anew for each training.
	Env map[string]Secret `json:"env,omitempty" yaml:"env"`
	// WarmStart lets training begin from the champion. Default true.
	WarmStart bool `json:"warm_start" yaml:"warm_start"`
	// CSV asks for train.csv beside train.parquet.
	CSV bool `json:"csv,omitempty" yaml:"csv"`
	// Limits end a training that takes too much. The memory is also the most that
	// the server of a trained model may use.
	Limits Limits `json:"limits" yaml:"limits"`
	// Sandbox contains the command and the servers of its models: best_effort with
	// what this machine has, require refuses to train where a needed layer is
	// missing, off contains nothing. Default best_effort.
	Sandbox string `json:"sandbox" yaml:"sandbox"`
	// Network lets the command and the servers of its models reach the network.
	// Default false.
	Network bool `json:"network,omitempty" yaml:"network"`
	// Read lists further files and folders that the command and the servers of
	// its models may read.
	Read []string `json:"read,omitempty" yaml:"read"`
}

// Search tries params on the training rows, all but their newest fifth, and takes
// those that lose least on that fifth. The first trials are the params as they are
// configured, and those that the champion was found to be best with. What was tried is
// part of the version's lineage.
type Search struct {
	// Trials is the most params that are tried.
	Trials int `json:"trials" yaml:"trials"`
	// Method is tpe (by what was tried), random, or halving (many with little, the best
	// third with three times as much, and so on). Default tpe.
	Method string `json:"method" yaml:"method"`
	// Resource is the param of which halving gives little first. Default: num_iterations
	// of gbdt, epochs of linear.
	Resource string `json:"resource,omitempty" yaml:"resource"`
	// Time after which no trial begins. Default: half of limits.time.
	Time Duration `json:"time,omitempty" yaml:"time"`
	// MaxCost is what the trials may cost together, in the currency of costs: none begins
	// that would go above it if it cost what those before cost on average. It wants
	// costs.core_hour. Default: no bound.
	MaxCost float64 `json:"max_cost,omitempty" yaml:"max_cost"`
	// Parallel trials at a time, each within the limits of a training. Default 1.
	Parallel int `json:"parallel" yaml:"parallel"`
	// Space says what is chosen, by param: {from: 0.01, to: 0.3}, with log: true where
	// tenfold steps are alike and whole: true for whole numbers, or {choices: [a, b]}.
	// The built-in trainers have one of their own.
	Space map[string]any `json:"space,omitempty" yaml:"space"`
}

// NoCalibration leaves the scores of a model as they are.
const NoCalibration = "none"

// BuiltIn tells whether the trainer is one that Hone brings with it.
func (t TrainSpec) BuiltIn() bool { return t.Trainer != "command" }

// Upstream is a model server that somebody else runs.
type Upstream struct {
	// URL is the server's scheme, host and port, such as https://scores.example.
	URL string `json:"url" yaml:"url"`
	// Private lets the server be on this machine or in a private network, where none
	// is called otherwise. Default false.
	Private bool `json:"private,omitempty" yaml:"private"`
	// Headers go with each call, by name, each a reference to a secret that is the
	// whole value, such as "Bearer …". They are read anew every ten seconds.
	Headers map[string]Secret `json:"headers,omitempty" yaml:"headers"`
}

// Limits bound a training.
type Limits struct {
	// Time a training may take. Default 30m.
	Time Duration `json:"time" yaml:"time"`
	// Memory a training may use, in bytes. Default 4GiB.
	Memory Bytes `json:"memory" yaml:"memory"`
	// Output a training may write, in bytes. Default 2GiB.
	Output Bytes `json:"output" yaml:"output"`
}

// Bytes is a size that is written as people write it: 500MiB, 4GiB.
type Bytes int64

// Gate is one check of a candidate besides the default ones.
type Gate struct {
	// Metric is loss, accuracy, auc, pr_auc (average precision), log_loss, brier, f1
	// (of the positive class), kappa (Cohen's), cost (by the prices of the loss,
	// whatever its kind), macro_f1, f1_CLASS (of one of several classes, such as
	// f1_fraud), ece (how far scores are from the shares that come true),
	// negative_flips (the share of rows that the champion had right and the candidate
	// has wrong), rmse, mae, mape (a share), pinball_0.9 (the pinball loss at the
	// quantile 0.9, or at any other), latency_p99, memory, one of the model's own
	// metrics, calibration (by how much the Brier score of candidates whose scores are
	// less to be taken at their word may be worse; 0.002 where no gate says otherwise),
	// or permuted_twin (the candidate must be surely better than one that learned from
	// shuffled labels; such a twin is then trained whatever it costs).
	Metric string `json:"metric,omitempty" yaml:"metric"`
	// MinChange is the least by which the candidate must be better than the
	// champion, in the metric's unit.
	MinChange *float64 `json:"min_change,omitempty" yaml:"min_change"`
	// MaxRegression is the most by which it may be worse.
	MaxRegression *float64 `json:"max_regression,omitempty" yaml:"max_regression"`
	// Max is a bound on the metric itself: a number, a duration or a size.
	Max *float64 `json:"max,omitempty" yaml:"max"`
	// Min is a bound on the metric itself.
	Min *float64 `json:"min,omitempty" yaml:"min"`
	// Slices is all to hold the gate on each slice too.
	Slices string `json:"slices,omitempty" yaml:"slices"`
	// MaxFailures is how many anchor cases may fail. Default 0.
	MaxFailures int `json:"max_failures,omitempty" yaml:"max_failures"`
}

// Metric is what the owner measures versions by: a program that is given the rows
// that candidates are judged on, and says what each was worth.
type Metric struct {
	// Command is the program and its arguments. It reads rows.csv in the folder that
	// HONE_METRIC names, and writes values.csv there, one value a line, one line a
	// row.
	Command []string `json:"command" yaml:"command"`
	// Direction is higher or lower: which values are better. Default higher.
	Direction Direction `json:"direction" yaml:"direction"`
	// Columns are the features that the program is given beside the label and the
	// prediction, such as what an order was worth. Default: all.
	Columns []string `json:"columns,omitempty" yaml:"columns"`
	// Timeout is how long it may take. Default 1m.
	Timeout Duration `json:"timeout" yaml:"timeout"`
	// Memory it may use, in bytes. Default 1GiB.
	Memory Bytes `json:"memory" yaml:"memory"`
}

// Direction says which values of a metric are better.
type Direction string

// The directions.
const (
	Higher Direction = "higher"
	Lower  Direction = "lower"
)

// Evidence is how much proof a promotion needs.
type Evidence string

// Approval says who releases a candidate that passed its gates.
type Approval string

// LogMode says when a served prediction is stored.
type LogMode string

// The modes.
const (
	Balanced Evidence = "balanced"
	Strict   Evidence = "strict"

	Auto   Approval = "auto"
	Manual Approval = "manual"

	Buffered LogMode = "buffered"
	Durable  LogMode = "durable"
)

// RolloutSpec says how a candidate gets the traffic.
type RolloutSpec struct {
	// Strategy is canary, blue_green or immediate.
	Strategy string `json:"strategy" yaml:"strategy"`
	// StickyBy is the feature that keeps a user on one version. Default: each
	// prediction by its id.
	StickyBy string `json:"sticky_by,omitempty" yaml:"sticky_by"`
	// Steps, for canary. The last step is always 100 %.
	Steps []Step `json:"steps" yaml:"steps"`
	// Guardrails are the owner's, besides the default ones: they take the candidate
	// back. Each of the model's own metrics is one, at the margin of its gate.
	Guardrails []Guardrail `json:"guardrails,omitempty" yaml:"guardrails"`
	// Patience is what waiting may cost in a run that measured loss started, as a share of
	// what the candidate is to win back: the steps are cut, to 20 answers at most, where
	// the stale champion would lose more meanwhile. At 100% they are never cut. Default: 0.5%,
	// but 100% where steps says how long they are, and with strict evidence.
	Patience float64 `json:"patience" yaml:"patience"`
	// Probation is the watch on a new champion.
	Probation Probation `json:"probation" yaml:"probation"`
}

// Step is one stage of a rollout: a shadow, or a share of the traffic.
type Step struct {
	// Shadow is the number of requests that the candidate answers unseen.
	Shadow int `json:"shadow,omitempty" yaml:"shadow"`
	// Weight is the share of the traffic that the candidate answers.
	Weight float64 `json:"weight,omitempty" yaml:"weight"`
	// MinRequests is the least number of answers to judge the step by. Default 200.
	MinRequests int `json:"min_requests,omitempty" yaml:"min_requests"`
	// MaxWait bounds the step. Default 2d.
	MaxWait Duration `json:"max_wait,omitempty" yaml:"max_wait"`
	// OnInsufficient is hold, ask, promote or rollback: what is done when
	// MaxWait is over and there was too little traffic. Default hold.
	OnInsufficient string `json:"on_insufficient,omitempty" yaml:"on_insufficient"`
}

// Probation is the watch on a new champion over its next labels.
type Probation struct {
	// Labels is the number of mature labels that the watch lasts. Default 3000.
	Labels int `json:"labels" yaml:"labels"`
}
