package monitor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hone"
	"hone/internal/estimate"
	"hone/internal/frame"
	"hone/internal/say"
)

// JointReference is how many rows of those that a champion was made from predictions
// are told from, at even distances.
const JointReference = 2000

// Joint says whether predictions can be told from the rows that the champion was
// made from, by all features together.
type Joint struct {
	At time.Time `json:"at"`
	// AUC is the chance that a prediction looks more like one than a row of the
	// champion does: 0.5 where nothing tells them apart. Lower and Upper bound it with
	// 95 % confidence, P is that it is 0.5.
	AUC   float64 `json:"auc"`
	Lower float64 `json:"lower"`
	Upper float64 `json:"upper"`
	P     float64 `json:"p"`
	Alarm bool    `json:"alarm"`
	Rows  int     `json:"n"`
	// Reference counts the champion's rows.
	Reference int `json:"reference_rows"`
	// By are the features that tell them apart, the most telling first.
	By       []JointFeature `json:"by,omitempty"`
	Unknown  string         `json:"unknown,omitempty"` // Why there is no verdict.
	Sentence string         `json:"sentence"`
}

// JointFeature is a feature with what the AUC loses without it.
type JointFeature struct {
	Feature string  `json:"feature"`
	Loss    float64 `json:"auc_loss"`
	// Alone is set where the feature drifted by itself in the last window.
	Alone bool `json:"drifted"`
}

// TellApart tells predictions from rows that the champion was made from, both in the
// order of time. Of texts it reads the length and the topic. Drift is the verdict on
// the features one by one.
func TellApart(ref *Reference, rows, now *frame.Frame, d Drift, at time.Time) Joint {
	j := Joint{At: at, AUC: 0.5, Upper: 1, P: 1, Rows: now.N, Reference: rows.N}
	switch {
	case rows.N < MinWindow:
		return j.unknown(fmt.Sprintf("%d of the rows that the champion was made from are kept, and %d are needed", rows.N, MinWindow))
	case now.N < MinWindow:
		return j.unknown(fmt.Sprintf("not enough data: %d of %d predictions", now.N, MinWindow))
	}
	if rows.N > JointReference {
		some := make([]int, JointReference)
		for i := range some {
			some[i] = i * rows.N / JointReference
		}
		rows = rows.Pick(some)
		j.Reference = rows.N
	}
	rows, now = ref.withTopics(rows), ref.withTopics(now)
	bins := estimate.NewBins(rows)
	got := estimate.Tell(bins.Table(rows), bins.Table(now))
	j.AUC, j.Lower, j.Upper, j.P = got.AUC, got.Lower, got.Upper, got.P
	if j.Alarm = j.P < windowAlpha; j.Alarm {
		for _, c := range got.By {
			j.By = append(j.By, JointFeature{Feature: c.Column, Loss: c.Loss, Alone: d.drifted(c.Column)})
		}
	}
	j.Sentence = j.say()
	return j
}

// Unknowable is a verdict that there is none, and why.
func Unknowable(why string, at time.Time) Joint {
	return Joint{At: at, AUC: 0.5, Upper: 1, P: 1}.unknown(why)
}

func (j Joint) unknown(why string) Joint {
	j.Unknown = why
	j.Sentence = "Whether all features together have changed is unknown: " + say.Period(why)
	return j
}

// topicOf begins the name of the column that says what a text is about.
const topicOf = "topic of "

// withTopics adds what each text is about.
func (r *Reference) withTopics(f *frame.Frame) *frame.Frame {
	out := &frame.Frame{N: f.N, Schema: slices.Clone(f.Schema), Cols: slices.Clone(f.Cols)}
	for i, p := range r.Texts {
		if p == nil || p.Topics == nil || i >= len(f.Cols) || f.Cols[i].Str == nil {
			continue
		}
		out.Schema = append(out.Schema, frame.Field{Name: topicOf + f.Schema[i].Name, Kind: frame.Category})
		out.Cols = append(out.Cols, frame.Column{Str: p.Topic(f.Cols[i].Str)})
	}
	return out
}

func (d Drift) drifted(feature string) bool {
	return slices.ContainsFunc(d.Features, func(f FeatureDrift) bool {
		return f.Drifted && f.Feature == strings.TrimPrefix(feature, topicOf)
	})
}

func (j Joint) say() string {
	auc := fmt.Sprintf("AUC %.2f (%.2f to %.2f)", j.AUC, j.Lower, j.Upper)
	what := say.Count(j.Rows, "prediction", "predictions")
	if !j.Alarm {
		return "All features together do not tell the newest " + what + " from the champion's own rows: " + auc + "."
	}
	out := "All features together tell the newest " + what + " from the champion's own rows: " + auc
	var names []string
	alone := false
	for _, f := range j.By {
		names = append(names, f.Feature)
		alone = alone || f.Alone
	}
	if len(names) == 0 {
		return out + ", by a little of many."
	}
	out += ", by " + strings.Join(names, ", ") + "."
	if !alone {
		out += " None of these drifted by itself: what has changed is how they go together."
	}
	return out
}

// Signals are the verdict as signals.
func (j Joint) Signals(model string) []hone.Signal {
	auc := hone.Signal{Model: model, Name: "drift.joint", At: j.At, Value: j.AUC, Lower: j.Lower, Upper: j.Upper, N: j.Rows, Unknown: j.Unknown}
	p := hone.Signal{Model: model, Name: "drift.joint_p", At: j.At, Value: j.P, N: j.Rows, Unknown: j.Unknown}
	if j.Unknown != "" {
		auc.Value, auc.Lower, auc.Upper, p.Value = 0, 0, 0, 0
	}
	return []hone.Signal{auc, p}
}
