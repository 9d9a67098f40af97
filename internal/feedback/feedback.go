// Package feedback says what is true of a prediction, given all that was ever
// said about it, in any order and however often. Keeping the feedback, and
// finding its prediction, is left to the store.
package feedback

import (
	"time"

	"hone"
)

// Truth is what is known of a prediction's label. The zero Truth knows nothing.
// It is also all that later feedback can depend on, so that it can be grown one
// piece at a time.
type Truth struct {
	Label string
	// Time at which the label was known: of equal labels the earliest, of
	// corrections the newest.
	Time time.Time
	// Seq is the journal's number of the piece of feedback that decided.
	Seq int64
	// Source of that piece, and when it was stored.
	Source   string
	Received time.Time
	// Known is false while nothing was said, or while labels contradict.
	Known bool
	// Contradicted is true while two labels differ and nobody has corrected them.
	Contradicted bool
	// Corrected is true once a correction has decided.
	Corrected bool
}

// Fold returns the truth that the items tell together. It depends neither on
// their order nor on repetition.
func Fold(items []hone.Feedback) Truth {
	var t Truth
	for i := range items {
		t = t.With(items[i])
	}
	return t
}

// With returns the truth once fb is known too. Scores and thumbs leave it as it
// is.
func (t Truth) With(fb hone.Feedback) Truth {
	switch fb.Kind {
	case hone.Correction:
		return t.corrected(fb)
	case hone.Label:
		return t.labelled(fb)
	}
	return t
}

// Corrections win over labels, and among them the newest by time, then value:
// the value breaks ties so that the order of arrival never does.
func (t Truth) corrected(fb hone.Feedback) Truth {
	next := Truth{Label: fb.Value, Time: fb.Time.UTC(), Seq: fb.Seq, Source: fb.Source, Received: fb.Received, Known: true, Corrected: true}
	if !t.Corrected {
		return next
	}
	switch order := fb.Time.Compare(t.Time); {
	case order > 0, order == 0 && fb.Value > t.Label:
		return next
	case order == 0 && fb.Value == t.Label && fb.Seq < t.Seq:
		t.Seq, t.Source, t.Received = fb.Seq, fb.Source, fb.Received
	}
	return t
}

func (t Truth) labelled(fb hone.Feedback) Truth {
	switch {
	case t.Corrected || t.Contradicted:
		return t
	case !t.Known:
		return Truth{Label: fb.Value, Time: fb.Time.UTC(), Seq: fb.Seq, Source: fb.Source, Received: fb.Received, Known: true}
	case t.Label != fb.Value:
		return Truth{Contradicted: true}
	}
	switch order := fb.Time.Compare(t.Time); {
	case order < 0:
		t.Time, t.Seq, t.Source, t.Received = fb.Time.UTC(), fb.Seq, fb.Source, fb.Received
	case order == 0 && fb.Seq < t.Seq:
		t.Seq, t.Source, t.Received = fb.Seq, fb.Source, fb.Received
	}
	return t
}

// EffectOf says what fb did: before and after are the truth without and with
// it, predictionKnown whether its prediction is stored.
func EffectOf(before, after Truth, predictionKnown bool, fb hone.Feedback) hone.Effect {
	switch {
	case fb.Kind != hone.Label && fb.Kind != hone.Correction:
		return hone.Noted
	case before.says() == after.says():
		return hone.Repeated
	case !predictionKnown:
		return hone.Early
	case after.Contradicted:
		return hone.Contradicted
	case before.Known || before.Contradicted:
		return hone.Corrected
	}
	return hone.Joined
}

// says is what users of the label see of the truth. A correction that repeats
// the label changes nothing for them.
func (t Truth) says() Truth {
	return Truth{Label: t.Label, Known: t.Known, Contradicted: t.Contradicted}
}
