package monitor

import (
	"fmt"
	"math"
	"strings"
	"time"

	"hone"
	"hone/internal/estimate"
	"hone/internal/stat"
)

// Performance is what is known of a version's quality: what its labels showed, what
// is to be expected where they have not come, and where it is worst.
type Performance struct {
	Model    string         `json:"model"`
	Version  hone.VersionID `json:"version,omitempty"`
	At       time.Time      `json:"at"`
	Sentence string         `json:"sentence"`
	// Unknown says why nothing is known.
	Unknown string `json:"unknown,omitempty"`
	// Realised are the metrics on mature labels: of the newest rows, and, where the
	// name ends in ".since", of all since the version became champion.
	Realised []hone.Signal `json:"realised"`
	// Matured are means over all answers that are as old as those whose labels came,
	// corrected for labels that are still to come.
	Matured []Matured `json:"matured"`
	// Estimated is what is expected without labels. It never passes a gate.
	Estimated Estimated `json:"estimated"`
	// Slices are the declared ones, each with its own band.
	Slices []hone.Signal `json:"slices"`
	// Worst are the parts of the rows that were found to lose most.
	Worst        []WorstSlice `json:"worst"`
	WorstUnknown string       `json:"worst_unknown,omitempty"`
}

// Matured is a mean that counts labels still to come.
type Matured struct {
	hone.Signal
	// Plain is the mean of the labels as they came.
	Plain float64 `json:"plain"`
	// Within is the delay up to which labels are seen to come, as old as the oldest
	// tenth of the answers are at least. Of labels that take longer nothing is known.
	Within hone.Duration `json:"within"`
	// Later is the share of the labels of the slowest kind that come after that at
	// most. The interval reaches from none to so many.
	Later float64 `json:"later"`
}

// Estimated are metrics of the newest predictions without their labels.
type Estimated struct {
	Metrics []hone.Signal `json:"metrics"`
	Unknown string        `json:"unknown,omitempty"`
	Rows    int           `json:"rows"`
	// Labelled counts the predictions among them whose label is known.
	Labelled int `json:"labelled"`
	// Reference counts the labelled rows that it rests on.
	Reference int `json:"reference_rows"`
	// Effective is how many rows of equal weight these are worth for the inputs of
	// now, Covered the share of those inputs that have their like among them.
	Effective float64 `json:"effective_rows"`
	Covered   float64 `json:"covered"`
	// Telling is the AUC of telling inputs of now from the reference's.
	Telling  float64 `json:"telling_auc"`
	Weighted bool    `json:"weighted"`
	// Contradicted is set where the newest labels are not what was expected of them:
	// then the inputs mean something else than they did, which no estimate can see.
	Contradicted bool   `json:"contradicted"`
	Caveat       string `json:"caveat"`
}

// WorstSlice is a part of the rows whose loss is higher than that of all others, on
// rows that had no part in finding it.
type WorstSlice struct {
	Slice string  `json:"slice"`
	N     int     `json:"n"`
	Loss  float64 `json:"loss"`
	Rest  float64 `json:"rest"` // Loss of all other rows.
	Lower float64 `json:"lower"`
	Upper float64 `json:"upper"` // 95 % interval of the difference.
	P     float64 `json:"p"`
}

// Evidence is what a performance is read from.
type Evidence struct {
	Model   hone.Model
	Version hone.Version
	Now     time.Time
	Signals []hone.Signal // Of the monitor.
	// Known are labelled rows that the version was not trained on, Window the newest
	// predictions; both oldest first, with scores.
	Known, Window Scored
	Labelled      int // Of the window.
}

// recent is how many labelled rows tell how good a version is now. That a score
// comes true as often as it says is learned from more.
const recent = 5000

// Assess says what is known of a version's quality.
func Assess(e Evidence) Performance {
	p := Performance{Model: e.Model.Name, Version: e.Version.ID, At: e.Now,
		Realised: []hone.Signal{}, Slices: []hone.Signal{}, Matured: []Matured{}, Worst: []WorstSlice{}}
	if e.Version.ID == "" {
		p.Unknown = "there is no champion"
		p.Sentence = e.Model.Name + " has no champion whose performance could be known."
		return p
	}
	first := Headline(e.Model.Task)
	for _, s := range e.Signals {
		switch {
		case s.Slice != "" && s.Name == "loss":
			p.Slices = append(p.Slices, s)
		case s.Slice == "" && qualityName(s.Name):
			p.Realised = append(p.Realised, s)
		}
	}
	e.Known.lossesOf(e)
	p.Estimated = e.expect()
	if n := e.Known.len(); n > recent {
		e.Known = e.Known.part(n-recent, n)
	}
	if !e.Model.Label.Infers() {
		for _, m := range []string{first, "loss"} {
			p.Matured = append(p.Matured, e.matured(m))
		}
	}
	p.Worst, p.WorstUnknown = e.worst()
	p.Sentence = p.say(e.Model.Name, first)
	return p
}

func qualityName(name string) bool {
	switch strings.TrimSuffix(name, ".since") {
	case "loss", "accuracy", "log_loss", "brier", "auc", "pr_auc", "f1", "macro_f1", "kappa", "cost", "mae", "rmse", "mape":
		return true
	}
	return false
}

// lossesOf fills in what each labelled row lost.
func (s *Scored) lossesOf(e Evidence) {
	if s.Rows == nil {
		return
	}
	prices := e.Model.Loss.Prices(s.Rows)
	s.loss, s.headline = make([]float64, s.Rows.N), make([]float64, s.Rows.N)
	for i, o := range s.Outcomes {
		y := e.Version.Signature.Target(o.Label)
		s.loss[i] = e.Model.Loss.Of(e.Version.Signature, s.Scores[i], y, prices[i])
		if e.Model.Task == hone.Regression {
			s.headline[i] = math.Abs(y - s.Scores[i][0])
		} else {
			s.headline[i] = 1 - hone.Loss{Kind: hone.ZeroOne}.Of(e.Version.Signature, s.Scores[i], y, 0)
		}
	}
}

// matured corrects a mean for labels that are still to come. Labels of one class
// come alike, and so do those of right and of wrong answers.
func (e Evidence) matured(name string) Matured {
	out := Matured{Signal: hone.Signal{Model: e.Model.Name, Name: name, At: e.Now}}
	var rows []stat.Arrived
	for i, o := range e.Known.Outcomes {
		if o.Route == hone.Imported {
			continue
		}
		r := stat.Arrived{Value: e.Known.loss[i], Delay: max(0, arrival(o).Sub(o.Time).Seconds())}
		r.Age = max(r.Delay, e.Now.Sub(o.Time).Seconds())
		if name != "loss" {
			r.Value = e.Known.headline[i]
		}
		if e.Model.Task != hone.Regression {
			r.Kind = fmt.Sprint(o.Label, e.Known.headline[i])
		}
		rows = append(rows, r)
		out.Plain += r.Value
	}
	out.N = len(rows)
	m := stat.MatureMean(rows)
	out.Plain /= float64(max(1, len(rows)))
	out.Within, out.Later = hone.Duration(time.Duration(m.Horizon*float64(time.Second)).Round(time.Second)), m.Later
	if !finite(m.Mean, m.Lower, m.Upper, out.Plain) {
		out.Plain, out.Unknown = 0, out.lacking(len(rows))
		return out
	}
	out.Value, out.Lower, out.Upper = m.Mean, m.Lower, m.Upper
	if name == "accuracy" {
		out.Lower, out.Upper = max(0, m.Lower), min(1, m.Upper)
	}
	return out
}

// lacking says why there is no mean of so many labels.
func (m Matured) lacking(rows int) string {
	if m.Later > 0 && m.Within > 0 {
		return fmt.Sprintf("labels still come %s after the answer, as long as they have been seen to come: up to %.0f %% of one kind may take longer", span(time.Duration(m.Within)), 100*m.Later)
	}
	return fmt.Sprintf("%d labels of its own answers have come, and 200 are needed", rows)
}

// span is a length of time in days, or in hours where it is short.
func span(d time.Duration) string {
	if d >= 48*time.Hour {
		return fmt.Sprintf("%.0f days", d.Hours()/24)
	}
	return fmt.Sprintf("%.3g hours", d.Hours())
}

// worst looks for the parts of the labelled rows that lose most.
func (e Evidence) worst() ([]WorstSlice, string) {
	const least = 400
	if e.Known.len() < least {
		return []WorstSlice{}, fmt.Sprintf("%d labelled rows that it was not trained on are known, and %d are needed to look for slices", e.Known.len(), least)
	}
	out := []WorstSlice{}
	for _, s := range estimate.Worst(estimate.NewBins(e.Known.Rows).Table(e.Known.Rows), e.Known.loss, e.Known.groups()) {
		out = append(out, WorstSlice{Slice: s.Rule, N: s.N, Loss: s.Mean, Rest: s.Rest, Lower: s.Lower, Upper: s.Upper, P: s.P})
	}
	return out, ""
}

// say puts the performance in one sentence, or two where an estimate is not to be
// believed.
func (p *Performance) say(name, first string) string {
	parts := []string{}
	if s := find(p.Realised, first); s.Name != "" && s.Unknown == "" {
		parts = append(parts, fmt.Sprintf("%s has shown %s of %s on its newest %d mature labels", name, article(first), between(s), s.N))
	} else {
		parts = append(parts, name+" has too few mature labels to know its "+first)
	}
	est := p.Estimated
	switch s := find(est.Metrics, first); {
	case est.Contradicted:
		parts = append(parts, fmt.Sprintf("no estimate is given for its newest %d predictions, for %s", est.Rows, est.Unknown))
	case s.Name != "":
		parts = append(parts, fmt.Sprintf("on its newest %d predictions, %d of them with a label so far, %s is expected: an estimate, which sees what changed in the inputs and not in what they mean",
			est.Rows, est.Labelled, between(s)))
	default:
		parts = append(parts, "what its newest predictions are worth is unknown: "+est.Unknown)
	}
	out := strings.Join(parts, "; ") + "."
	if len(p.Worst) > 0 {
		w := p.Worst[0]
		out += fmt.Sprintf(" It is worst where %s: a loss of %.3g there, %.3g elsewhere.", w.Slice, w.Loss, w.Rest)
	}
	return out
}

func find(list []hone.Signal, name string) hone.Signal {
	for _, s := range list {
		if s.Name == name {
			return s
		}
	}
	return hone.Signal{}
}

func article(name string) string {
	if name == "mae" {
		return "a mean error"
	}
	return "an " + name
}

func between(s hone.Signal) string {
	if s.Name == "accuracy" {
		return fmt.Sprintf("%.1f %% (%.1f to %.1f)", 100*s.Value, 100*s.Lower, 100*s.Upper)
	}
	return fmt.Sprintf("%.3g (%.3g to %.3g)", s.Value, s.Lower, s.Upper)
}
