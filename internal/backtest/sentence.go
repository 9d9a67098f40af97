package backtest

import (
	"fmt"

	"hone/internal/say"
)

// recommend says what is best at a price, what it is expected to cost, and how sure
// that is.
func recommend(r Result, a At) string {
	s, p := a.standing(a.Recommended), r.policy(a.Recommended)
	per := 1000 / float64(max(1, r.Answered))
	out := fmt.Sprintf("At %s a retrain, %s: it would have cost %s on these %s rows with %s, and is to be expected to cost %s in 1,000 rows (%s to %s, 90 %%)",
		r.money(a.Price), advice(p), r.money(s.Objective), say.Whole(r.Answered), moved(p), r.money(s.Objective*per), say.Num(s.Lower*per), say.Num(s.Upper*per))
	return out + "; " + rivals(r, a) + "."
}

// money writes an amount, with its currency where there is one.
func (r Result) money(x float64) string {
	if r.Currency == "" {
		return say.Num(x)
	}
	return say.Amount(x, r.Currency)
}

// advice is what the owner is to do.
func advice(p Outcome) string {
	switch {
	case p.Policy == kindConfigured:
		return "keep the triggers as they are configured"
	case p.Policy == kindNever:
		return "do not retrain"
	case p.Triggers == "":
		return "retrain by the policy " + p.Policy
	case p.Near:
		return "retrain by " + p.Policy + ", to which `- " + p.Triggers + "` comes near"
	}
	return "retrain by " + p.Policy + ", `- " + p.Triggers + "`"
}

func moved(p Outcome) string {
	out := say.Count(p.Retrains, "retrain", "retrains")
	if p.Reuses > 0 {
		out += " and " + say.Count(p.Reuses, "return", "returns") + " of former champions"
	}
	return out
}

// rivals says which policies the recommended one can be told from, of those that can be
// configured.
func rivals(r Result, a At) string {
	cheapest, like, others := a.standing(a.Recommended), 0, 0
	for _, s := range a.Policies {
		if s.Policy == a.Recommended || r.policy(s.Policy).aside() {
			continue
		}
		others++
		if s.MoreLower <= 0 {
			like++
		}
		if s.Objective < cheapest.Objective {
			cheapest = s
		}
	}
	switch {
	case others == 0:
		return "no other policy was asked for that can be configured"
	case cheapest.Policy != a.Recommended:
		return fmt.Sprintf("%s cost %s less, which may be chance (%s less to %s more)", cheapest.Policy, say.Num(-cheapest.More), say.Num(-cheapest.MoreLower), say.Num(max(0, cheapest.MoreUpper)))
	}
	out := "every other policy surely costs more"
	if like > 0 {
		out = fmt.Sprintf("it is the cheapest, and %s cannot be told from it", say.Count(like, "other", "others"))
	}
	if c := a.standing(kindConfigured); a.Recommended != kindConfigured && c.Policy != "" {
		out += fmt.Sprintf("; what is configured costs %s more (%s to %s)", say.Num(c.More), say.Num(c.MoreLower), say.Num(c.MoreUpper))
	}
	return out
}
