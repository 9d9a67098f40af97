package trigger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"hone"
	"hone/internal/say"
)

// rule asks one rule with what modifies it.
func (l *look) rule(t hone.Trigger) finding {
	if d := time.Duration(t.WarmUp); d > 0 && within(l.in.ChampionSince, l.now, d) {
		end := l.in.ChampionSince.Add(d)
		return finding{
			Reason: hone.Reason{Trigger: kindOf(t), Sentence: "It says nothing before " + day(end) + ", " + t.WarmUp.String() + " after the champion took over."},
			wait:   words(kindOf(t)) + " warms up until " + day(end),
			until:  end,
		}
	}
	f := l.plain(t)
	if t.Consecutive > 1 {
		l.streak(t, &f)
	}
	return f
}

// streak lets a rule fire only once it held at so many looks in a row. A look
// at which it cannot be told neither counts nor ends the row.
func (l *look) streak(t hone.Trigger, f *finding) {
	key := keyOf(t)
	n := l.in.Streaks[key]
	switch {
	case !l.in.Look || f.Unknown:
	case f.Fired:
		n++
	default:
		n = 0
	}
	if n > 0 {
		l.streaks[key] = n
	}
	if !f.Fired || n >= t.Consecutive {
		return
	}
	f.Fired = false
	f.wait = words(f.Trigger) + " held at " + say.Whole(n) + " of " + say.Whole(t.Consecutive) + " looks in a row"
	f.Sentence += " That held at " + say.Count(n, "look", "looks") + " in a row; it takes " + say.Whole(t.Consecutive) + "."
}

// keyOf names a rule by what it says, so that another one does not take over its
// streak.
func keyOf(t hone.Trigger) string {
	b, err := json.Marshal(t)
	if err != nil {
		return "" // A limit that is no number, which no configuration has.
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

// combined asks several rules of which so many must hold. It cannot be told
// where those that cannot be told would decide.
func (l *look) combined(kind hone.TriggerKind, need int, of hone.Triggers) finding {
	f := finding{Reason: hone.Reason{Trigger: kind, Limit: float64(need)}}
	var hold, open []string
	var until time.Time
	for _, t := range of {
		p := l.rule(t)
		f.parts = append(f.parts, p)
		switch {
		case p.Fired:
			hold = append(hold, words(p.Trigger))
		case p.Unknown:
			open = append(open, words(p.Trigger))
		}
		if !p.until.IsZero() && (until.IsZero() || p.until.Before(until)) {
			until = p.until
		}
	}
	f.until = until
	f.Value = float64(len(hold))
	f.Fired = need > 0 && len(hold) >= need
	f.Unknown = !f.Fired && len(hold)+len(open) >= need
	share := say.Whole(len(hold)) + " of its " + say.Whole(len(of)) + " rules hold"
	f.Sentence = capital(share) + list(": ", hold) + "; it takes " + say.Whole(need) + "."
	f.start = share + list(": ", hold) + "."
	f.wait = say.Whole(len(hold)) + " of " + say.Whole(need) + " rules hold"
	if f.Unknown {
		f.Sentence = capital(share) + list(": ", hold) + ", and " + strings.Join(open, ", ") + " cannot be told; it takes " + say.Whole(need) + "."
	}
	return f
}

func list(before string, words []string) string {
	if len(words) == 0 {
		return ""
	}
	return before + strings.Join(words, ", ")
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// words says a kind of trigger aloud.
func words(k hone.TriggerKind) string { return strings.ReplaceAll(string(k), "_", " ") }

func kindOf(t hone.Trigger) hone.TriggerKind {
	switch {
	case t.RecoverableLoss != nil:
		return hone.OnLoss
	case t.Schedule != nil:
		return hone.OnSchedule
	case t.DataVolume > 0:
		return hone.OnVolume
	case t.Drift != nil:
		return hone.OnDrift
	case t.Performance != nil:
		return hone.OnPerformance
	case t.When != "":
		return hone.OnWhen
	case t.Event != nil:
		return hone.OnEvent
	case t.PolicyChange:
		return hone.OnPolicy
	case t.Any != nil:
		return hone.OnAny
	case t.All != nil:
		return hone.OnAll
	}
	return hone.OnAtLeast
}

// each visits every rule, those inside combinations too.
func each(all []hone.Trigger, visit func(hone.Trigger)) {
	for _, t := range all {
		visit(t)
		each(t.Any, visit)
		each(t.All, visit)
		if t.AtLeast != nil {
			each(t.AtLeast.Of, visit)
		}
	}
}

// Has tells whether one of the model's rules, at any depth, is of a kind.
func Has(m hone.Model, kind hone.TriggerKind) (yes bool) {
	each(m.Triggers, func(t hone.Trigger) { yes = yes || kindOf(t) == kind })
	return yes
}

// Passing tells whether what a trigger of this kind fired on may be gone at the
// next look: what adds up, what is due and what waits in the inbox stays.
func Passing(kind hone.TriggerKind) bool {
	switch kind {
	case hone.OnDrift, hone.OnPerformance, hone.OnWhen, hone.OnAny, hone.OnAll, hone.OnAtLeast:
		return true
	}
	return false
}
