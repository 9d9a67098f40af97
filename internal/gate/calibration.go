package gate

import (
	"hone"
	"hone/internal/say"
	"hone/internal/stat"
)

const (
	// calibrationMargin is how much worse a Brier score may be, whatever the proof.
	calibrationMargin = 0.002
	// calibrationAlpha is the chance that a candidate whose scores are as good as
	// the champion's is taken for worse: of one side.
	calibrationAlpha = 0.005
	// calibrationRows is the least number of rows that calibration is judged on:
	// twenty for each of the bins.
	calibrationRows = 300
)

// calibration fails a candidate whose scores can be taken at their word less than
// the champion's: the part of the Brier score that is due to scores far from the
// shares that come true is surely worse, and by more than the margin, and what the
// candidate is better at besides does not make up for it. The owner's gate on
// calibration sets the margin; of a run that a person forced, it only warns.
func calibration(m hone.Model, d hone.Decision, e hone.Evaluation) (hone.Verdict, bool) {
	if m.Task != hone.Binary && m.Task != hone.Multiclass {
		return hone.Verdict{}, false
	}
	v := hone.Verdict{Gate: Calibration, Result: hone.Inconclusive, Limit: calibrationMargin, Unit: "Brier score", Warns: true}
	for _, g := range m.Gates {
		if g.Metric == Calibration && g.MaxRegression != nil {
			v.Limit = *g.MaxRegression
		}
	}
	part, ok := measured(e, Calibration, "")
	brier, okBrier := measured(e, "brier", "")
	off, okOff := measured(e, "ece", "")
	v.N = brier.n
	if !ok || !okBrier || !okOff || part.n < calibrationRows {
		v.Need = max(1, calibrationRows-v.N)
		v.Sentence = "How far its scores can be taken at their word takes " + say.Count(calibrationRows, "row", "rows") + " to tell; there are " + say.Whole(v.N) + "."
		return v, true
	}
	half := stat.NormalQuantile(1-calibrationAlpha) * (part.upper - part.lower) / (2 * stat.NormalQuantile(0.975))
	v.Value = part.candidate - part.champion
	v.Lower, v.Upper = v.Value-half, v.Value+half
	v.Sentence = "Its scores are off by " + say.Num(off.candidate) + " on average and the champion's by " + say.Num(off.champion) +
		"; its Brier score is " + say.Num(brier.candidate) + " against " + say.Num(brier.champion) + ", and scores that are off may not surely make it worse, by more than " +
		say.Num(v.Limit) + "."
	v.Result, v.Warns = hone.Pass, false
	if v.Lower > 0 && v.Value > v.Limit && brier.candidate > brier.champion {
		v.Result, v.Warns = hone.Fail, wasForced(d)
	}
	return v, true
}
