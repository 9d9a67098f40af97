package loop

import (
	"cmp"
	"context"
	"slices"
	"time"

	"hone"
)

// Elsewhere is what the log of a model that is served elsewhere says of who answers.
type Elsewhere struct {
	// Unseen is the version that the plan gives traffic and that no logged prediction
	// has named since, or none of the newest; empty where there is none.
	Unseen hone.VersionID
	// Strangers are versions that the log names and the model does not have, the most
	// often named first. Their answers count for no version.
	Strangers []Stranger
}

// Stranger is a version that the model does not have; its ID is empty for predictions
// that name none.
type Stranger struct {
	Version hone.VersionID `json:"version"`
	N       int            `json:"predictions"`
	Last    time.Time      `json:"last"`
}

// mostNames bounds how many versions of the log are told apart. Whoever names more
// sends anything as a version.
const mostNames = 200

// unnamed is how many predictions that were a version's to answer may lack it before it
// counts as not seen: some batches of the log are under way when a plan changes.
const unnamed = 50

// names counts which versions the log of the reign names.
type names struct {
	total int
	of    map[hone.VersionID]*named
}

type named struct {
	Stranger
	known bool
	at    int // The total when it was named last.
}

func newNames(m hone.Model) *names {
	if !m.Elsewhere() {
		return nil
	}
	return &names{of: map[hone.VersionID]*named{}}
}

// lack tells whether the newest predictions lack a version that was to answer a share
// of them.
func (n *names) lack(v hone.VersionID, share float64) bool {
	last := n.of[v]
	return last == nil || float64(n.total-last.at)*share >= unnamed
}

// attribute gives logged predictions the route that they would have had, had Hone
// served them: by the version that each names.
func (k *keeper) attribute(ctx context.Context, ps []hone.Prediction) error {
	if k.names == nil {
		return nil
	}
	for i := range ps {
		if ps[i].Route != hone.Logged {
			continue
		}
		if err := k.name(ctx, ps[i]); err != nil {
			return err
		}
		ps[i] = k.routed(ps[i])
	}
	return nil
}

// name notes which version answered.
func (k *keeper) name(ctx context.Context, p hone.Prediction) error {
	k.names.total++
	n := k.names.of[p.Version]
	if n == nil {
		if len(k.names.of) >= mostNames && !k.planned(p.Version) {
			return nil
		}
		_, err := k.o.Control.Version(ctx, k.model.Name, p.Version)
		if e, ok := hone.AsError(err); err != nil && !(ok && e.Code == hone.NotFound) {
			return err
		}
		n = &named{known: err == nil}
		n.Version = p.Version
		k.names.of[p.Version] = n
	}
	n.N++
	n.at = k.names.total
	if p.Received.After(n.Last) {
		n.Last = p.Received
	}
	return nil
}

func (k *keeper) planned(v hone.VersionID) bool {
	return v == k.champion.ID || k.run != nil && v == k.run.Candidate
}

// routed is a logged prediction as the guards count it. A fault without an answer is
// that of the version which is named; a fault beside the champion's answer is the
// challenger's, in whose place it was given.
func (k *keeper) routed(p hone.Prediction) hone.Prediction {
	challenger, _ := k.challenger()
	champion := p.Version == k.champion.ID
	switch {
	case p.Version == "" || p.Route != hone.Logged:
	case p.Version == challenger && p.Fault != "", champion && challenger != "" && p.Fault != "" && len(p.Scores) > 0:
		p.Route = hone.ByFallback
	case p.Version == challenger:
		p.Route = hone.ByCanary
	case champion && p.Fault != "" && len(p.Scores) == 0:
		p.Route, p.Fault = hone.ByFallback, string(p.Version)+": "+p.Fault
	case champion:
		p.Route = hone.ByChampion
	}
	return p
}

// challenger is the version that the step under way gives a share of the traffic.
func (k *keeper) challenger() (v hone.VersionID, weight float64) {
	if k.run == nil || k.run.Rollout == nil || k.run.State != hone.Canary {
		return "", 0
	}
	r := k.run.Rollout
	if r.Step < 0 || r.Step >= len(r.Steps) {
		return "", 0
	}
	return r.Version, r.Steps[r.Step].Weight
}

// elsewhere is what is known of who answers; nil where Hone does.
func (k *keeper) elsewhere() *Elsewhere {
	if k.names == nil {
		return nil
	}
	out := &Elsewhere{}
	for _, n := range k.names.of {
		if !n.known {
			out.Strangers = append(out.Strangers, n.Stranger)
		}
	}
	slices.SortFunc(out.Strangers, func(a, b Stranger) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Version, b.Version))
	})
	challenger, weight := k.challenger()
	switch {
	case k.champion.ID == "":
	case challenger != "" && k.names.lack(challenger, weight):
		out.Unseen = challenger
	case k.names.lack(k.champion.ID, 1-weight):
		out.Unseen = k.champion.ID
	}
	return out
}
