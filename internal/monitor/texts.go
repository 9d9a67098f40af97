package monitor

import (
	"fmt"

	"hone/internal/say"
	"hone/internal/stat/text"
)

// readTexts compares the texts of a window, and adds their p-values behind two of
// each feature. Owner is the feature of each.
func (d *Drift) readTexts(ref *Reference, texts []*text.Counts, ps []float64) (all []float64, owner []int) {
	for i := range ps {
		owner = append(owner, i/2)
	}
	for i, c := range texts {
		p := ref.Texts[i]
		if c == nil || !p.Fits() {
			continue
		}
		got := p.Compare(c)
		d.Features[i].Text = &got
		d.Features[i].Severity = severity(max(d.Features[i].ExcessPSI, got.TopicPSI, got.Unseen-got.UnseenRef))
		ps, owner = append(ps, got.UnseenP), append(owner, i)
		if p.Mix != nil {
			ps, owner = append(ps, got.TopicP), append(owner, i)
		}
	}
	return ps, owner
}

// severity is that of an excess PSI, and of a share of words: one in ten is large.
func severity(size float64) string {
	switch {
	case size >= 0.1:
		return "large"
	case size >= 0.05:
		return "small"
	}
	return "none"
}

// Size is how far a feature moved beyond chance: a text as far as its length, or as
// what it is about.
func (f FeatureDrift) Size() float64 { return max(f.ExcessPSI, f.Text.PSI()) }

// how says what happened to a text, where that is plainer than what happened to its
// length. It says no word of it: what is said is kept for good.
func howText(name string, t *text.Comparison) string {
	if t.UnseenP < t.TopicP {
		return fmt.Sprintf("%s of the words of %s are new (%s expected)", say.Percent(t.Unseen), name, say.Percent(t.UnseenRef))
	}
	return fmt.Sprintf("PSI %.2f on the topics of %s", t.TopicPSI, name)
}
