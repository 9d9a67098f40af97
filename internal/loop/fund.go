package loop

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"hone"
	"hone/internal/trigger"
)

// fund is the budget that models share. What is spent of it is read of the runs that are
// stored, as the models show them; nothing is kept here.
type fund struct {
	keepers *atomic.Pointer[map[string]*keeper]
	// granting is held from the look at what is spent until a run that spends is stored.
	granting sync.Mutex
	budget   atomic.Pointer[hone.SharedBudget]
}

func newFund(b hone.SharedBudget, keepers *atomic.Pointer[map[string]*keeper]) *fund {
	f := &fund{keepers: keepers}
	f.budget.Store(&b)
	return f
}

// decide decides on a model, and where that starts a run, once more by what is left of the
// budget, if there is one, which the input is told. Nobody else is told of it before what
// it returns is called.
func (f *fund) decide(in *trigger.Input, now time.Time) (d hone.Decision, release func()) {
	d = trigger.Decide(*in, now)
	b := *f.budget.Load()
	if !d.Start || b == (hone.SharedBudget{}) {
		return d, func() {}
	}
	f.granting.Lock()
	in.Fund = f.tell(b, in.Model, in.Runs, now)
	return trigger.Decide(*in, now), f.granting.Unlock
}

// tell gathers what is paid and wished.
func (f *fund) tell(b hone.SharedBudget, m hone.Model, runs []hone.Run, now time.Time) *trigger.Fund {
	out := &trigger.Fund{Budget: b, Currency: m.Costs.Currency, Paid: paidFor(m, runs)}
	for name, k := range *f.keepers.Load() {
		v := k.view.Load()
		if name == m.Name {
			continue
		}
		out.Paid = append(out.Paid, paidFor(v.Model, v.input.Runs)...)
		if v.Stuck || v.reading { // It begins nothing now.
			continue
		}
		in := v.input
		in.Manual = nil
		if w, ok := trigger.Want(in, now); ok {
			out.Others = append(out.Others, w)
		}
	}
	slices.SortFunc(out.Paid, func(a, b trigger.Paid) int { return b.At.Compare(a.At) })
	return out
}

// paidFor is what runs of a model cost.
func paidFor(m hone.Model, runs []hone.Run) (out []trigger.Paid) {
	for _, r := range runs {
		out = append(out, trigger.Paid{At: r.Started, Cost: trigger.RunCost(m, r, runs)})
	}
	return out
}
