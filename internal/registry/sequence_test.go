package registry_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"hone"
	"hone/internal/audit"
	"hone/internal/predictor"
	"hone/internal/registry"
	"hone/internal/store"
)

// TestAliasSequences moves the aliases of two models on a store as the loop does,
// by any order of new versions, candidates, crowns, withdrawals and dethronings,
// repeats commits, comes with fences that are over, asks for versions that there
// are none of, and closes and opens the folder between. Held against a model of a
// few maps: each alias leads to a registered version, the previous champion never
// is the champion, the history of moves replays to what stands, tokens of plans
// only grow, and what was refused left no trace. 20 sequences by default, 2,000
// with HONE_TEST_LONG=1.
func TestAliasSequences(t *testing.T) {
	n := "20"
	switch {
	case os.Getenv("HONE_TEST_LONG") != "":
		n = "2000"
	case testing.Short():
		n = "3"
	}
	if err := flag.Set("rapid.checks", n); err != nil {
		t.Fatal(err)
	}
	root := memory(t)
	life := 0
	rapid.Check(t, func(t *rapid.T) {
		life++
		r := &reigns{dir: root + "/" + strconv.Itoa(life), versions: map[string]map[hone.VersionID]string{}, aliases: map[string]map[hone.Alias]hone.VersionID{}, plans: map[string]hone.Plan{}}
		for _, m := range models {
			r.versions[m], r.aliases[m] = map[hone.VersionID]string{}, map[hone.Alias]hone.VersionID{}
		}
		r.open(t)
		defer func() { r.db.Close(); os.RemoveAll(r.dir) }()
		t.Repeat(map[string]func(*rapid.T){
			"register": r.register, "register other content": r.reregister, "nominate": r.nominate, "nominate nobody": r.nominateNobody,
			"crown": r.crown, "crown again": r.crown, "withdraw": r.withdraw, "dethrone": r.dethrone,
			"come late": r.comeLate, "repeat": r.repeat, "reopen": r.reopen, "": r.check,
		})
	})
}

var models = []string{"churn", "fraud"}

// memory is a folder in memory where there is one.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "hone-registry-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// reigns is a store and what is known of it.
type reigns struct {
	db       *store.DB
	dir      string
	old      []hone.Fence
	versions map[string]map[hone.VersionID]string // To the digest of the artefact.
	aliases  map[string]map[hone.Alias]hone.VersionID
	plans    map[string]hone.Plan
	token    int64 // Of the newest plan of any model.
	events   int64
	last     *hone.Change // That was committed.
}

func (r *reigns) open(t *rapid.T) {
	db, err := store.Open(r.dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.old) > 0 && db.Fence() <= r.old[len(r.old)-1] {
		t.Fatalf("fence %d follows %d", db.Fence(), r.old[len(r.old)-1])
	}
	r.db = db
}

func (r *reigns) reopen(t *rapid.T) {
	r.old = append(r.old, r.db.Fence())
	if err := r.db.Close(); err != nil {
		t.Fatal(err)
	}
	r.open(t)
}

// commit stores a change, and takes it over.
func (r *reigns) commit(t *rapid.T, c hone.Change) {
	e, err := r.db.Commit(context.Background(), r.db.Fence(), c)
	if err != nil {
		t.Fatalf("%s: %v", c.Event.Action, err)
	}
	if r.events++; e.Seq != r.events {
		t.Fatalf("event %d follows %d", e.Seq, r.events-1)
	}
	for _, m := range c.Aliases {
		if m.Version == "" {
			delete(r.aliases[m.Model], m.Alias)
		} else {
			r.aliases[m.Model][m.Alias] = m.Version
		}
	}
	if v := c.Version; v != nil {
		r.versions[v.Model][v.ID] = v.Artefact
	}
	if c.Plan != nil {
		if c.Plan.Token <= r.token {
			t.Fatalf("plan %d follows plan %d", c.Plan.Token, r.token)
		}
		r.token, r.plans[c.Plan.Model] = c.Plan.Token, *c.Plan
	}
	r.last = &c
}

// refused holds that a change is, with that code.
func (r *reigns) refused(t *rapid.T, fence hone.Fence, c hone.Change, code hone.Code) {
	_, err := r.db.Commit(context.Background(), fence, c)
	if e, ok := hone.AsError(err); !ok || e.Code != code {
		t.Fatalf("%s: got %v, want %s", c.Event.Action, err, code)
	}
}

func anyModel(t *rapid.T) string { return rapid.SampledFrom(models).Draw(t, "model") }

// any draws one of the model's versions; without any the action is left out.
func (r *reigns) any(t *rapid.T, m string) hone.VersionID {
	if len(r.versions[m]) == 0 {
		t.Skip("no version yet")
	}
	return rapid.SampledFrom(slices.Sorted(maps.Keys(r.versions[m]))).Draw(t, "version")
}

func (r *reigns) register(t *rapid.T) {
	m := anyModel(t)
	id, err := registry.New(r.db, r.db.Blobs(), func(string) predictor.Options { return predictor.Options{} }).NextID(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	if _, known := r.versions[m][id]; known {
		t.Fatalf("%s is given out twice", id)
	}
	v := hone.Version{ID: id, Model: m, Artefact: fmt.Sprintf("%064x", len(r.versions[m])), Created: noon}
	r.commit(t, hone.Change{Version: &v, Event: hone.Event{Action: "version", Model: m, Version: id}})
}

func (r *reigns) reregister(t *rapid.T) {
	m := anyModel(t)
	v := hone.Version{ID: r.any(t, m), Model: m, Artefact: "other", Created: noon}
	// An alias that moves in the same change must not have moved.
	moves := registry.Crown(m, r.aliases[m], v.ID, noon, "ada", "", "")
	r.refused(t, r.db.Fence(), hone.Change{Version: &v, Aliases: moves, Event: hone.Event{Action: "version"}}, hone.Conflict)
}

func (r *reigns) nominate(t *rapid.T) {
	m := anyModel(t)
	a := rapid.SampledFrom([]hone.Alias{hone.Candidate, hone.Challenger}).Draw(t, "alias")
	r.commit(t, hone.Change{Aliases: []hone.AliasMove{{Model: m, Alias: a, Version: r.any(t, m), At: noon, By: "hone"}}, Event: hone.Event{Action: "nominated", Model: m}})
}

func (r *reigns) nominateNobody(t *rapid.T) {
	m := anyModel(t)
	moves := []hone.AliasMove{{Model: m, Alias: hone.Candidate, Version: "v9999", At: noon}}
	r.refused(t, r.db.Fence(), hone.Change{Aliases: moves, Plan: &hone.Plan{Model: m, Champion: "v9999"}, Event: hone.Event{Action: "nominated"}}, hone.NotFound)
}

func (r *reigns) crown(t *rapid.T) {
	m := anyModel(t)
	v, was := r.any(t, m), r.aliases[m][hone.Champion]
	r.commit(t, hone.Change{
		Aliases: registry.Crown(m, r.aliases[m], v, noon, "hone", "", "better"), Plan: &hone.Plan{Model: m, Champion: v, Previous: was},
		Event: hone.Event{Action: "promoted", Model: m, Version: v}})
	if got := r.aliases[m]; got[hone.Champion] != v || was != "" && was != v && got[hone.Previous] != was || got[hone.Candidate] != "" || got[hone.Challenger] != "" {
		t.Fatalf("%s was crowned after %s: %v", v, was, got)
	}
}

func (r *reigns) withdraw(t *rapid.T) {
	m := anyModel(t)
	was := maps.Clone(r.aliases[m])
	r.commit(t, hone.Change{Aliases: registry.Withdraw(m, was, noon, "ada", "", "worse"), Event: hone.Event{Action: "withdrawn", Model: m}})
	if got := r.aliases[m]; got[hone.Champion] != was[hone.Champion] || got[hone.Previous] != was[hone.Previous] || got[hone.Candidate] != "" || got[hone.Challenger] != "" {
		t.Fatalf("withdrawn from %v: %v", was, got)
	}
}

// dethrone goes back to the previous champion, or, as when its files are
// damaged, to any other.
func (r *reigns) dethrone(t *rapid.T) {
	m := anyModel(t)
	to, was := r.aliases[m][hone.Previous], r.aliases[m][hone.Champion]
	if rapid.Bool().Draw(t, "further back") {
		to = r.any(t, m)
	}
	if to == "" || to == was {
		t.Skip("nothing to go back to")
	}
	r.commit(t, hone.Change{Aliases: registry.Dethrone(m, r.aliases[m], to, noon, "ada", "", "worse"), Plan: &hone.Plan{Model: m, Champion: to},
		Event: hone.Event{Action: "rolled_back", Model: m, Version: to}})
	if got := r.aliases[m]; got[hone.Champion] != to || slices.Contains(slices.Collect(maps.Values(got)), was) {
		t.Fatalf("%s lost its traffic to %s and is still there: %v", was, to, got)
	}
}

// comeLate is a process that has been taken over from and does not know it.
func (r *reigns) comeLate(t *rapid.T) {
	if len(r.old) == 0 {
		t.Skip("nobody was taken over from")
	}
	m := anyModel(t)
	v := r.any(t, m)
	r.refused(t, rapid.SampledFrom(r.old).Draw(t, "fence"), hone.Change{
		Aliases: registry.Crown(m, r.aliases[m], v, noon, "hone", "", ""), Plan: &hone.Plan{Model: m, Champion: v}, Event: hone.Event{Action: "late"}}, hone.Conflict)
}

// repeat commits the last change once more, as who got no answer does.
func (r *reigns) repeat(t *rapid.T) {
	if r.last == nil {
		t.Skip("nothing to repeat")
	}
	before := r.read(t)
	r.commit(t, *r.last)
	after := r.read(t)
	for m, p := range after.plans {
		p.Token = before.plans[m].Token
		after.plans[m] = p
	}
	if !same(before, after) {
		t.Fatalf("done twice it is other: %+v and %+v", before, after)
	}
}

// standing is all that a store says of aliases.
type standing struct {
	aliases map[string]map[hone.Alias]hone.VersionID
	plans   map[string]hone.Plan
}

func (r *reigns) read(t *rapid.T) standing {
	s := standing{map[string]map[hone.Alias]hone.VersionID{}, map[string]hone.Plan{}}
	for _, m := range models {
		got, err := r.db.Aliases(context.Background(), m)
		if err != nil {
			t.Fatal(err)
		}
		s.aliases[m] = got
	}
	plans, err := r.db.Plans(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range plans {
		s.plans[p.Model] = p
	}
	return s
}

func same(a, b standing) bool {
	x, _ := json.Marshal([]any{a.aliases, a.plans})
	y, _ := json.Marshal([]any{b.aliases, b.plans})
	return string(x) == string(y)
}

// check holds the store against what is known of it.
func (r *reigns) check(t *rapid.T) {
	ctx := context.Background()
	got := r.read(t)
	if want := (standing{r.aliases, r.plans}); !same(got, want) {
		t.Fatalf("it stands at %+v, want %+v", got, want)
	}
	for _, m := range models {
		now, moved := got.aliases[m], map[hone.Alias]hone.VersionID{}
		history, err := r.db.AliasHistory(ctx, m)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range history {
			if moved[h.Alias] = h.Version; h.Version == "" {
				delete(moved, h.Alias)
			}
		}
		if !maps.Equal(moved, now) {
			t.Fatalf("the history of %s leads to %v, the aliases are %v", m, moved, now)
		}
		all, err := r.db.Versions(ctx, m)
		if err != nil || len(all) != len(r.versions[m]) {
			t.Fatalf("%s has %d versions, want %d: %v", m, len(all), len(r.versions[m]), err)
		}
		for a, v := range now {
			if _, known := r.versions[m][v]; !known {
				t.Fatalf("the %s of %s is %s, which nobody registered", a, m, v)
			}
		}
		if now[hone.Previous] != "" && now[hone.Previous] == now[hone.Champion] {
			t.Fatalf("%s is champion of %s and the one before", now[hone.Champion], m)
		}
		if p, planned := got.plans[m]; planned != (now[hone.Champion] != "") || p.Champion != now[hone.Champion] {
			t.Fatalf("the plan of %s serves %q, the champion is %q", m, p.Champion, now[hone.Champion])
		}
	}
	n, hash, err := r.db.Head(ctx)
	if err != nil || n != r.events {
		t.Fatalf("the chain has %d events, want %d: %v", n, r.events, err)
	}
	if _, err := audit.Verify(r.db.Audit(ctx), audit.Head{Seq: n, Hash: hash}); err != nil {
		t.Fatal(err)
	}
}
