package gate

import (
	"hone"
	"hone/internal/say"
	"hone/internal/stat"
)

const (
	// permutedTwin is the gate against a twin that had nothing to learn from.
	permutedTwin = "permuted_twin"
	// permutedRows is the least number of rows on which a candidate that is not
	// surely better than the twin is thought ill of.
	permutedRows = 300
	// nothing is how much less than the twin a candidate must be able to lose, as a
	// share of what the twin loses: less than that is nothing learned.
	nothing = 0.01
	// leakAlpha is the chance that twins without any knowledge are taken for some
	// that have it, and leakMargin how far above 0.5 their AUC must be: what a learner
	// does not mirror in full leaves traces of luck.
	leakAlpha, leakMargin = 0.005, 0.03
)

// permuted holds a candidate against twins that were trained on the same rows with
// their labels permuted. Twins that still know the labels of rows held out have them
// from elsewhere, and so may the candidate: it fails. So does a candidate that
// cannot be better than a twin by more than next to nothing. Where it cannot be
// told, it warns, or waits for more rows if the owner asked.
func permuted(m hone.Model, d hone.Decision, e hone.Evaluation) (hone.Verdict, bool) {
	asked := false
	for _, g := range m.Gates {
		asked = asked || g.Metric == permutedTwin
	}
	v := hone.Verdict{Gate: permutedTwin, Result: hone.Inconclusive, Unit: "loss a row", Warns: !asked}
	switch p := e.Permuted; {
	case p == nil:
		v.Need, v.Sentence = 1, "It was not compared with a twin that learned from permuted labels."
		return v, asked
	case p.Fault != "":
		v.Sentence = say.Period("A twin could not learn from permuted labels: " + say.Clip(p.Fault, 120))
		if asked { // No wait would bring it.
			v.Result = hone.Fail
		}
		return v, true
	case !sound(p.Loss) || !sound(p.Score) || p.Loss.N < permutedRows && !(p.Loss.N >= minRows && better(*p)):
		v.N = max(p.Loss.N, 0)
		v.Need = max(1, permutedRows-v.N)
		v.Sentence = "Whether it learned more than a twin does from permuted labels takes " + say.Count(permutedRows, "row", "rows") + " to tell; there are " + say.Whole(v.N) + "."
		return v, true
	}
	v = shown(v, *e.Permuted)
	if v.Result == hone.Fail {
		v.Warns = wasForced(d)
	}
	return v, true
}

// better tells whether the candidate surely loses less than the twin.
func better(p hone.Permuted) bool { return p.Loss.Upper < 0 || p.Score.Upper < 0 }

// shown tells what the twin shows.
func shown(v hone.Verdict, p hone.Permuted) hone.Verdict {
	v.N, v.Value, v.Lower, v.Upper = p.Loss.N, p.Loss.Diff, p.Loss.Lower, p.Loss.Upper
	says := "It loses " + say.Num(p.Loss.Candidate) + " a row, a twin that learned from permuted labels " + say.Num(p.Loss.Champion) +
		" (" + say.Count(p.Loss.N, "row", "rows") + ")"
	se := (p.Known.Upper - p.Known.Lower) / (2 * stat.NormalQuantile(0.975))
	knows := p.Known.Candidate - 0.5
	surely := knows - stat.NormalQuantile(1-leakAlpha)*se
	switch {
	case finite(knows, surely) && p.Known.N >= permutedRows && knows > leakMargin && surely > 0:
		v.Result, v.N, v.Unit = hone.Fail, p.Known.N, "auc"
		v.Value, v.Limit, v.Lower, v.Upper = p.Known.Candidate, 0.5+leakMargin, 0.5+surely, 0.5+2*knows-surely
		v.Sentence = "Twins that learned from permuted labels tell the rows held out from each other, with an AUC of " + say.Num(p.Known.Candidate) + " (" +
			say.Count(p.Known.N, "row", "rows") + "): the trainer knows labels that it was not given."
	case better(p):
		v.Result, v.Warns, v.Sentence = hone.Pass, false, says+": it has learned something."
	case -p.Score.Lower < nothing*p.Score.Champion:
		v.Result, v.Sentence = hone.Fail, says+": it has learned next to nothing."
	default:
		v.Need = undecided(v.N, spread(p.Score)*stat.NormalQuantile(0.975)/max(-p.Score.Diff, 1e-300))
		v.Sentence = says + ": that may be chance."
	}
	return v
}
