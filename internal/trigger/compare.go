package trigger

import (
	"math"
	"slices"
	"time"

	"hone"
	"hone/internal/say"
)

// Reign is the time of one champion, as far as it is on record.
type Reign struct {
	Champion hone.VersionID
	// Next took over at Until; both are zero while the champion serves.
	Next         hone.VersionID
	Since, Until time.Time
	// Looks are the decisions of that time, of which At and Others are read, Ticks
	// those of the champion's probe; both oldest first.
	Looks []hone.Decision
	Ticks []hone.Tick
}

// Verdict of a comparison in one word.
type Verdict string

// The verdicts.
const (
	Saved   Verdict = "saved"
	Lost    Verdict = "lost"
	Same    Verdict = "same" // Neither: both did the same.
	Unknown Verdict = "unknown"
)

// Comparison holds what Hone did in a stretch of time against what other common
// policies would have done. All amounts are in Currency, or in units of the loss where
// that is empty.
type Comparison struct {
	Model    string    `json:"model"`
	From     time.Time `json:"from"`
	Until    time.Time `json:"until"`
	Currency string    `json:"currency,omitempty"`
	// Price of one retrain; 0 where none is set.
	Price float64 `json:"retrain_cost"`
	// Runs that Hone started, of which Reused trained nothing; ByHand counts those that
	// persons started, which are in none of the sums.
	Runs   int     `json:"runs"`
	Reused int     `json:"reused"`
	ByHand int     `json:"by_hand"`
	Cost   float64 `json:"cost"`
	// WonBack is what these runs won back by their receipts.
	WonBack float64 `json:"won_back"`
	// Open are the runs of which it is not known yet.
	Open     []hone.RunID `json:"open_runs,omitempty"`
	Policies []Against    `json:"policies"`
	Sentence string       `json:"sentence"`
	// Objective is what the model cost in the time, all in all.
	Objective *Objective `json:"objective,omitempty"`
}

// Against is one other policy in a comparison.
type Against struct {
	Kind string `json:"kind"`
	// Retrains that it would have started, and what they would have cost and won back.
	Retrains int     `json:"retrains"`
	Cost     float64 `json:"cost"`
	WonBack  float64 `json:"won_back"`
	// Saved is what Hone saved against it, negative where it lost. Lower and Upper hold
	// the amount in four of five cases.
	Saved float64 `json:"saved"`
	Lower float64 `json:"lower"`
	Upper float64 `json:"upper"`
	// Looks is how often it was asked, Untold how often it could not be told.
	Looks   int     `json:"looks"`
	Untold  int     `json:"untold"`
	Verdict Verdict `json:"verdict"`
	// Why is set where the verdict is unknown.
	Why      string `json:"why,omitempty"`
	Sentence string `json:"sentence"`
}

// Compare holds what was done between two moments against the other policies, by
// the probe's measure. A policy that stays on has fired once for each champion; one
// that was off for as long as the cooldown may fire again, and a schedule at each of
// its times. From its first firing under a champion on it is put down what the probe
// would have saved, up to Hone's own retrain or the end of the champion's time; what
// Hone's retrain won back is put down to it too where it had fired by then. It is an
// estimate: the other policies' champions were never trained.
func Compare(m hone.Model, reigns []Reign, runs []hone.Run, from, until time.Time) Comparison {
	price, inLoss := RetrainCost(m, runs)
	c := Comparison{Model: m.Name, From: from, Until: until, Currency: m.Costs.Currency, Price: price, Policies: []Against{}}
	c.count(m, runs)
	// What the probe saves is worth as much of the currency as past receipts bore out.
	b := balance{model: m, reigns: reigns, runs: runs, worth: m.Costs.PerLoss() * Trust(inLoss, runs)}
	for _, kind := range []string{schedule, psi, adwin, performance} {
		c.Policies = append(c.Policies, b.against(c, kind))
	}
	c.Sentence = c.say()
	for i := range c.Policies {
		c.Policies[i].Sentence = c.Policies[i].say(c)
	}
	return c
}

// count takes in the runs that began in the time. A first version is no choice.
func (c *Comparison) count(m hone.Model, runs []hone.Run) {
	for _, r := range slices.Backward(runs) {
		if r.Champion != "" && c.holds(r.Started) && r.Decision.Trigger == hone.OnManual {
			c.ByHand++
		}
		if !c.counts(r) {
			continue
		}
		c.Runs++
		if r.Decision.Reuse != "" {
			c.Reused++
		}
		c.Cost += RunCost(m, r, runs)
		c.WonBack += won(m, r)
		if unsettled(r) {
			c.Open = append(c.Open, r.ID)
		}
	}
}

// holds tells whether a moment lies in the time.
func (c *Comparison) holds(at time.Time) bool { return !at.Before(c.From) && at.Before(c.Until) }

// counts tells whether a run is one that Hone chose to begin in the time.
func (c *Comparison) counts(r hone.Run) bool {
	return r.Champion != "" && c.holds(r.Started) && r.Decision.Trigger != hone.OnManual
}

// unsettled tells whether it is not known yet what a run won back.
func unsettled(r hone.Run) bool {
	switch {
	case r.State != hone.Closed:
		return true
	case r.Receipt != nil:
		return !r.Receipt.Over
	}
	return r.Ending == hone.Promoted
}

// balance is what all policies are held against.
type balance struct {
	model  hone.Model
	reigns []Reign
	runs   []hone.Run
	worth  float64 // Of a unit of the loss that the probe saves, in the currency.
}

// against adds up one policy.
func (b balance) against(c Comparison, kind string) Against {
	a := Against{Kind: kind}
	probed, variance, early, shared := 0.0, 0.0, false, map[hone.RunID]bool{}
	for _, r := range b.reigns {
		a.look(c, r)
		first, n := firings(r, kind, c, time.Duration(b.model.Guards.Cooldown))
		a.Retrains += n
		if first.IsZero() || !first.Before(c.Until) {
			continue
		}
		end, open := c.Until, true
		if !r.Until.IsZero() && r.Until.Before(end) {
			end, open = r.Until, false
		}
		if run, ok := b.answer(r); ok && !run.Started.After(end) {
			end, open = run.Started, false
			if c.counts(run) && !first.After(run.Started) {
				shared[run.ID] = true
				a.WonBack += won(b.model, run)
			}
		}
		gain, v, ticks := recoverable(r.Ticks, later(first, c.From), end)
		// What brings nothing would not have passed its gates.
		probed += math.Max(0, b.worth*gain)
		variance += b.worth * b.worth * v
		early = early || open && !first.Before(c.From) && ticks < minSuffix
	}
	a.WonBack += probed
	a.Cost = float64(a.Retrains) * c.Price
	a.Saved = c.WonBack - c.Cost - (a.WonBack - a.Cost) + 0
	half := decile * math.Sqrt(variance)
	a.Lower, a.Upper = a.Saved-half, a.Saved+math.Min(half, probed)
	a.Why = b.untold(c, a, early, shared)
	a.Verdict = a.judge()
	return a
}

// look counts how often a policy was asked in the time.
func (a *Against) look(c Comparison, r Reign) {
	for _, d := range r.Looks {
		if o, ok := otherOf(d, a.Kind); ok && c.holds(d.At) {
			a.Looks++
			if o.Unknown {
				a.Untold++
			}
		}
	}
}

// judge says on which side of nothing the amount surely lies.
func (a *Against) judge() Verdict {
	switch {
	case a.Why != "":
		return Unknown
	case a.Lower > 0:
		return Saved
	case a.Upper < 0:
		return Lost
	case a.Lower == 0 && a.Upper == 0:
		return Same
	}
	a.Why = chance
	return Unknown
}

// chance is why an amount says nothing whose interval lies on both sides of nothing.
const chance = "it may be chance"

// untold says why nothing can be said, if so.
func (b balance) untold(c Comparison, a Against, early bool, shared map[hone.RunID]bool) string {
	switch {
	case a.Looks == 0:
		return "nothing was decided in this time"
	case a.Untold == a.Looks:
		return "at none of " + say.Count(a.Looks, "look", "looks") + " was it known whether it fires"
	case c.Price == 0 && a.Retrains+c.Runs > 0:
		return "a retrain has no price here (retrain_cost)"
	}
	for _, r := range b.runs {
		// What both had a part in makes no difference between them.
		if slices.Contains(c.Open, r.ID) && (r.State != hone.Closed || !shared[r.ID]) {
			return "what " + string(r.ID) + " wins back is not known"
		}
	}
	if early {
		return "fewer than " + say.Num(minSuffix) + " ticks of labelled rows have come since"
	}
	return ""
}

// answer is the run by which a reign ended.
func (b balance) answer(r Reign) (hone.Run, bool) {
	for _, run := range b.runs {
		if r.Next != "" && run.Candidate == r.Next && run.Champion == r.Champion && !run.Started.Before(r.Since) && !run.Started.After(r.Until) {
			return run, true
		}
	}
	return hone.Run{}, false
}

// firings returns when a policy first fired in a reign, zero where it never did, and
// how often in the time of the comparison.
func firings(r Reign, kind string, c Comparison, cooldown time.Duration) (first time.Time, n int) {
	var last, on time.Time // Of the firings, and of the looks at which it was on.
	off := false
	for _, d := range r.Looks {
		o, _ := otherOf(d, kind)
		if !o.Fired {
			off = off || !o.Unknown
			continue
		}
		fires := last.IsZero() || off && d.At.Sub(on) >= cooldown
		if kind == schedule && !last.IsZero() {
			due, err := after(hone.Schedule{Cron: weekly}, last)
			fires = err == nil && !due.After(d.At)
		}
		on, off = d.At, false
		if !fires {
			continue
		}
		last = d.At
		if first.IsZero() {
			first = d.At
		}
		if c.holds(d.At) {
			n++
		}
	}
	return first, n
}

func otherOf(d hone.Decision, kind string) (hone.Other, bool) {
	for _, o := range d.Others {
		if o.Kind == kind {
			return o, true
		}
	}
	return hone.Other{Unknown: true}, false
}

// recoverable adds up the ticks after one moment and up to another.
func recoverable(ticks []hone.Tick, from, until time.Time) (gain, variance float64, n int) {
	for _, t := range ticks {
		if t.At.After(from) && !t.At.After(until) {
			gain, variance, n = gain+t.Gain, variance+t.Var, n+1
		}
	}
	return gain, variance, n
}

// won is what a run won back, in the currency, as far as is known.
func won(m hone.Model, r hone.Run) float64 {
	if r.Receipt == nil {
		return 0
	}
	return m.Costs.PerLoss() * r.Receipt.Gain
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
