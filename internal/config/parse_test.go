package config_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hone"
	"hone/internal/config"
	"hone/internal/frame"
)

const day = hone.Duration(24 * time.Hour)

func ptr(x float64) *float64 { return &x }

func good(t *testing.T, file, model string) hone.Model {
	t.Helper()
	path := filepath.Join("testdata", file+".good.yaml")
	c, err := config.Parse(path, read(t, path))
	if err != nil {
		t.Fatal(err)
	}
	m, ok := c.Models[model]
	if !ok {
		t.Fatalf("%s has no model %s", path, model)
	}
	return m
}

func TestParseReadsEveryForm(t *testing.T) {
	t.Parallel()
	want := hone.Model{
		Name: "fraud", Task: hone.Binary,
		Features:   frame.Schema{{Name: "amount", Kind: "number"}, {Name: "country", Kind: "category"}, {Name: "note", Kind: "text"}, {Name: "user_id", Kind: "category"}},
		Label:      hone.LabelSpec{Name: "is_fraud", Delay: 7 * day, Positive: "1"},
		Loss:       hone.Loss{Kind: hone.Cost, FalseNegative: 50, FalsePositive: 1, Threshold: 0.2},
		Slices:     []string{"country"},
		Monitor:    hone.MonitorSpec{Window: 1000},
		Dataset:    hone.DatasetSpec{Window: "auto", Holdout: 0.2, Anchor: "anchors.jsonl", MaxRows: 200_000, MinRows: 200, MaxPerUser: 0.01, MaxPerSource: 0.2},
		Validation: hone.ValidationSpec{Features: map[string]hone.Constraint{"amount": {Min: ptr(0), MaxMissing: ptr(0.05)}}, Block: []string{"label_rate"}},
		Train: hone.TrainSpec{
			Trainer: "linear", WarmStart: true,
			Limits:  hone.Limits{Time: hone.Duration(30 * time.Minute), Memory: 4 << 30, Output: 2 << 30},
			Sandbox: "best_effort",
		},
		Triggers: []hone.Trigger{
			{RecoverableLoss: &hone.RecoverableLoss{RetrainCost: 300, Reuse: 5}},
			{Schedule: &hone.Schedule{Cron: "0 3 * * 1", TimeZone: "UTC"}},
			{DataVolume: 50_000},
			{Drift: &hone.DriftTrigger{Features: 0.3}},
			{Performance: &hone.Performance{Metric: "auc", Below: ptr(0.85)}},
		},
		Guards: hone.Guards{Cooldown: hone.Duration(time.Hour), MaxPerDay: 4, MaxPerMonth: 40, MinNewLabels: 500},
		Gates: []hone.Gate{
			{Metric: "loss", MinChange: ptr(0)},
			{Metric: "latency_p99", Max: ptr(0.02)},
			{Metric: "memory", Max: ptr(500 << 20)},
			{Metric: "auc", Slices: "all", MaxRegression: ptr(0.02)},
			{Metric: "regression_tests"},
		},
		Evidence: hone.Balanced, Approval: hone.Auto,
		Rollout: hone.RolloutSpec{
			Strategy: "canary", StickyBy: "user_id",
			Steps: []hone.Step{
				{Shadow: 500, MaxWait: 2 * day, OnInsufficient: "hold"},
				{Weight: 0.5, MinRequests: 200, MaxWait: 2 * day, OnInsufficient: "hold"},
				{Weight: 1},
			},
			Patience:  1,
			Probation: hone.Probation{Labels: 3000},
		},
		Log: hone.Buffered, Retention: 90 * day,
	}
	if diff := cmp.Diff(want, good(t, "design", "fraud")); diff != "" {
		t.Error(diff)
	}
}

// TestParseReadsCapsAndValidation holds that a cap of 0 stays one: it sets no bound.
func TestParseReadsCapsAndValidation(t *testing.T) {
	t.Parallel()
	m := good(t, "caps", "m")
	if diff := cmp.Diff(&hone.Caps{PerUser: 0.02, PerUserDay: 5, Sources: []string{"warehouse"}, Quarantine: day}, m.Dataset.Caps()); diff != "" {
		t.Error(diff)
	}
	want := hone.ValidationSpec{
		Features: map[string]hone.Constraint{
			"x": {Min: ptr(-3), Max: ptr(50), MaxMissing: ptr(0.05)},
			"c": {Required: true, Categories: []string{"a", "b"}},
			"t": {MaxMissing: ptr(0)},
		},
		Freshness: 2 * day, Block: []string{"label_rate"}, Ask: []string{"volume"}, Warn: []string{"duplicates"}, Off: []string{"range"},
	}
	if diff := cmp.Diff(want, m.Validation); diff != "" {
		t.Error(diff)
	}
	if d := m.Dataset; !d.KeepSuspects || !d.DropCopies || d.Trim != 0.02 {
		t.Errorf("%+v is read of what is left out", d)
	}
	if caps := good(t, "design", "fraud").Dataset.Caps(); caps == nil || caps.PerUser != 0.01 || caps.PerSource != 0.2 {
		t.Errorf("caps are %+v where none are written", caps)
	}
}

func TestParseKeepsExplicitZeros(t *testing.T) {
	t.Parallel()
	m := good(t, "zeros", "quiet")
	if m.Train.WarmStart || m.Guards != (hone.Guards{}) || m.Dataset.History != 0 {
		t.Errorf("warm start %v, guards %+v: a default overwrote what the file says", m.Train.WarmStart, m.Guards)
	}
	if m = good(t, "minimal", "churn"); !m.Train.WarmStart || m.Guards.MaxPerDay != 4 {
		t.Errorf("warm start %v, guards %+v: want the defaults", m.Train.WarmStart, m.Guards)
	}
}

func TestParseReadsShortForms(t *testing.T) {
	t.Parallel()
	m := good(t, "regression", "demand")
	if m.Label.Delay != hone.Duration(36*time.Hour) || m.Label.Positive != "" || m.Loss.Kind != hone.Absolute || m.Dataset.Window != "50000" {
		t.Errorf("label %+v, loss %v, window %s", m.Label, m.Loss.Kind, m.Dataset.Window)
	}
	if r, s := m.Triggers[1].RecoverableLoss, m.Triggers[2].Schedule; r.RetrainCost != 1000 || s.TimeZone != "Europe/Paris" {
		t.Errorf("retrain cost %v, time zone %q", r.RetrainCost, s.TimeZone)
	}
	m = good(t, "command", "fraud")
	wantParams := map[string]any{"depth": 6.0, "rate": 0.1, "name": "trees", "deep": map[string]any{"list": []any{1.0, "2", true, nil}}}
	if diff := cmp.Diff(wantParams, m.Train.Params); diff != "" {
		t.Error(diff)
	}
	if m.Loss != (hone.Loss{Kind: hone.ByColumn, Column: "amount", Threshold: 0.3}) || m.Label.Positive != "yes" || m.Train.Limits.Output != 1e9 {
		t.Errorf("loss %+v, positive %q, output %d", m.Loss, m.Label.Positive, m.Train.Limits.Output)
	}
	if m = good(t, "anchor", "m"); m.Gates[1].MaxFailures != 2 || m.Dataset.Anchor != "cases.jsonl" {
		t.Errorf("gates %+v, anchor %q", m.Gates, m.Dataset.Anchor)
	}
	if m = good(t, "crlf", "m"); m.Label.Name != "y" {
		t.Errorf("label %q", m.Label.Name)
	}
	if m = good(t, "block-comments", "m"); m.Label.Name != "z" || m.Triggers[0].DataVolume != 10_000 || m.Triggers[1].Drift.Features != 0.3 {
		t.Errorf("label %q, triggers %+v", m.Label.Name, m.Triggers)
	}
	wantNames := frame.Schema{{Name: "first name", Kind: "category"}, {Name: "a: b", Kind: "number"}, {Name: "1", Kind: "number"},
		{Name: "true", Kind: "category"}, {Name: "größe", Kind: "number"}, {Name: "a.b[0]", Kind: "number"}}
	if diff := cmp.Diff(wantNames, good(t, "odd-names", "1").Features); diff != "" {
		t.Error(diff)
	}
}

func TestDefaultSteps(t *testing.T) {
	t.Parallel()
	hold := func(s hone.Step) hone.Step {
		if s.Shadow == 0 {
			s.MinRequests = 200
		}
		s.MaxWait, s.OnInsufficient = 2*day, "hold"
		return s
	}
	f := func(strategy string, evidence hone.Evidence, want ...hone.Step) {
		t.Helper()
		m := hone.Model{Task: hone.Binary, Evidence: evidence, Rollout: hone.RolloutSpec{Strategy: strategy}}
		config.Defaults(&m)
		if diff := cmp.Diff(append(want, hone.Step{Weight: 1}), m.Rollout.Steps); diff != "" {
			t.Errorf("%s %s: %s", strategy, evidence, diff)
		}
	}
	f("", "", hold(hone.Step{Shadow: 300}), hold(hone.Step{Weight: 0.5}))
	f("canary", hone.Strict, hold(hone.Step{Shadow: 1000}), hold(hone.Step{Weight: 0.01}), hold(hone.Step{Weight: 0.05}), hold(hone.Step{Weight: 0.25}), hold(hone.Step{Weight: 0.5}))
	f("blue_green", "", hold(hone.Step{Shadow: 300}))
	f("blue_green", hone.Strict, hold(hone.Step{Shadow: 1000}))
	f("immediate", "")

	steps := good(t, "steps", "m").Rollout.Steps
	if n := len(steps); n != 5 || steps[3].OnInsufficient != "rollback" || steps[3].Weight != 0.25 || steps[4].Weight != 1 {
		t.Errorf("steps %+v", steps)
	}
	if steps = good(t, "blue-green", "m").Rollout.Steps; len(steps) != 2 || steps[0].Shadow != 1000 || steps[0].OnInsufficient != "ask" {
		t.Errorf("steps %+v", steps)
	}
}

func TestDefaultsAreTheSameTwice(t *testing.T) {
	t.Parallel()
	given := []hone.Trigger{{RecoverableLoss: &hone.RecoverableLoss{}}}
	m := hone.Model{Task: hone.Regression, Triggers: given}
	config.Defaults(&m)
	if m.Loss.Kind != hone.Squared || m.Label.Positive != "" || m.Triggers[0].RecoverableLoss.RetrainCost != 100 {
		t.Errorf("loss %v, positive %q, triggers %+v", m.Loss.Kind, m.Label.Positive, m.Triggers)
	}
	if given[0].RecoverableLoss.RetrainCost != 0 {
		t.Error("the caller's triggers were changed")
	}
	again := m
	config.Defaults(&again)
	if diff := cmp.Diff(m, again); diff != "" {
		t.Error(diff)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "hone.yaml")
	_, err := config.Load(path)
	if e, ok := hone.AsError(err); !ok || e.Code != hone.NotFound || e.Hint == "" {
		t.Errorf("no file: got %v", err)
	}
	save := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	minimal := string(read(t, "testdata/minimal.good.yaml"))
	save(minimal)
	c, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Server{Listen: "127.0.0.1:8420", Anonymous: "feedback", Data: filepath.Join(dir, "hone-data"), Spool: 1 << 30, Reserve: 64 << 20}
	if !cmp.Equal(c.Server, want) || c.Dir != dir || c.Version != 1 {
		t.Errorf("got %+v in %s, want %+v in %s", c.Server, c.Dir, want, dir)
	}
	save("server: {data: /srv/hone}\n" + minimal)
	if c, err = config.Load(path); err != nil || c.Server.Data != "/srv/hone" {
		t.Errorf("got %+v, %v", c, err)
	}
	save(strings.Repeat("# much\n", config.MaxBytes/7+1))
	if _, err = config.Load(path); err == nil || !strings.Contains(err.Error(), "1 MiB") {
		t.Errorf("large file: got %v", err)
	}
	save("version: 2")
	if _, err = config.Load(path); err == nil || !strings.Contains(err.Error(), path+":1:10: ") {
		t.Errorf("got %v, want the file's place", err)
	}
	if e, ok := hone.AsError(err); !ok || e.Code != hone.Invalid {
		t.Errorf("got %v, want an error to act on", err)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	f := func(name, text, want string) {
		t.Helper()
		_, err := config.Parse(name, []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %.300v, want %q", name, err, want)
		}
	}
	head := "version: 1\nmodels:\n  m:\n    task: binary\n    label: y\n    features:\n"
	var many strings.Builder
	for i := range 6000 {
		fmt.Fprintf(&many, "      f%d: number\n", i)
	}
	f("nodes", head+many.String(), "more than 10000 values")
	f("tokens", "a: ["+strings.Repeat("1,", 60_000)+"]", "more than 10000 values")
	f("flow", strings.Repeat("[", 500_000), "nested more than 32")
	f("mixed", strings.Repeat("{a: [", 500), "nested more than 32")
	f("dashes", strings.Repeat("- ", 500), "nested more than 32")
	var deep strings.Builder
	for i := range 60 {
		deep.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	f("block", deep.String(), "nested more than 32")
	f("laughs", "a: &a [x,x]\nb: &b [*a,*a]\n", "anchors, aliases")
	f("merge", "a: {<<: {b: 1}}\n", "merge keys")
	f("key", "? a\n: b\n", "begins with ?")
	f("map key", "{[a]: b}\n", "")
	f("runs", strings.Repeat("<", 1<<20), "a long run of")
	f("tabs", strings.Repeat("\"\t", 1<<18), "tabs")
	f("bytes", "version: \xff", "UTF-8")
	f("directive", "%YAML 1.2\n---\nversion: 1\n", "directives")
}

func TestErrorsAreBoundedAndOrdered(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("größe: 1\nversion: 1\nmodels:\n")
	for i := range 30 {
		fmt.Fprintf(&text, "  m%d: {task: bin}\n", i)
	}
	_, err := config.Parse("x.yaml", []byte(text.String()))
	var got config.Errors
	if !errors.As(err, &got) || len(got) != config.MaxProblems {
		t.Fatalf("got %d problems, want %d", len(got), config.MaxProblems)
	}
	for i := 1; i < len(got); i++ {
		if got[i].Line < got[i-1].Line {
			t.Errorf("line %d after line %d", got[i].Line, got[i-1].Line)
		}
	}
	if got[0].Excerpt != "größe: 1" || got[0].File != "x.yaml" || got[1].Path != "models.m0.features" {
		t.Errorf("got %+v, then %+v", got[0], got[1])
	}
	if d := got[:1].Detail(); !strings.Contains(d, "     1 | größe: 1\n       | ^\n") {
		t.Errorf("detail:\n%s", d)
	}
	if n := strings.Count(err.Error(), "\n"); n != config.MaxProblems-1 {
		t.Errorf("%d line ends, want one line a problem", n)
	}
}

func TestHash(t *testing.T) {
	t.Parallel()
	parse := func(model string) hone.Model {
		t.Helper()
		c, err := config.Parse("h.yaml", []byte("version: 1\nmodels:\n  m:\n    task: binary\n    features: {x: number}\n"+model))
		if err != nil {
			t.Fatal(err)
		}
		return c.Models["m"]
	}
	f := func(a, b string, same bool) {
		t.Helper()
		x, y := config.Hash(parse(a)), config.Hash(parse(b))
		if len(x) != 64 || (x == y) != same {
			t.Errorf("%q %s, %q %s: same should be %v", a, x, b, y, same)
		}
	}
	f("    label: y\n", "    label: {name: y}   # The same.\n", true)
	f("    label: y\n    dataset: {holdout: 20%, window: 5_000}\n", "    dataset: {window: 5000, holdout: 0.2}\n    label: y\n", true)
	f("    label: y\n", "    label: y\n    guards: {cooldown: 60m}\n", true) // The default said aloud.
	f("    label: y\n    train: {params: {epochs: 1, batch: 2}}\n", "    label: y\n    train: {params: {batch: 2.0, epochs: 1}}\n", true)
	f("    label: y\n", "    label: z\n", false)
	f("    label: y\n", "    label: y\n    train: {warm_start: false}\n", false)
}

func FuzzParse(f *testing.F) {
	names, err := filepath.Glob("testdata/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		whole := config.Join(config.Split(string(text)))
		if again := config.Join(config.Split(whole)); again != whole {
			t.Errorf("joined as %q, and again as %q", whole, again)
		}
		c, err := config.Parse("fuzz.yaml", bytes.Clone(text))
		if err != nil {
			var problems config.Errors
			if !errors.As(err, &problems) || len(problems) == 0 || len(problems) > config.MaxProblems || problems.Detail() == "" {
				t.Fatalf("got %T %v", err, err)
			}
			for _, p := range problems {
				if p.Line < 1 || p.Column < 1 || p.Message == "" || strings.Contains(p.Error(), "\n") {
					t.Errorf("problem without a place or words, or with two lines: %+v", p)
				}
			}
			return
		}
		if c.Text != whole {
			t.Errorf("kept as %q, want %q", c.Text, whole)
		}
		for name, m := range c.Models {
			if len(config.Hash(m)) != 64 || m.Name != name || len(m.Features) == 0 || len(m.Triggers) == 0 || m.Rollout.Steps[len(m.Rollout.Steps)-1].Weight != 1 {
				t.Errorf("accepted a model that is not whole: %+v", m)
			}
		}
	})
}

// TestParseReadsGuardrails holds what a limit means: of own metrics and scores a
// percent is a share of the champion's mean, of rates it is itself a share.
func TestParseReadsGuardrails(t *testing.T) {
	t.Parallel()
	m := good(t, "guardrails", "shop")
	want := []hone.Guardrail{
		{Metric: "latency_p99", Max: ptr(0.02)},
		{Metric: "error_rate", MaxIncrease: ptr(0.005)},
		{Metric: "error_rate", Max: ptr(0.03)},
		{Metric: "score_mean", MaxChange: ptr(0.05)},
		{Metric: "class_share", Class: "1", MaxChange: ptr(0.05)},
		{Metric: "profit", MaxRegression: ptr(0.02), Relative: true, MinRows: 200},
		{Feedback: "thumb", MaxRegression: ptr(0.02), Age: hone.Duration(time.Hour)},
		{Feedback: "score", Direction: hone.Lower, MaxRegression: ptr(0.1)},
		{Metric: "fees", MaxRegression: ptr(0.1)}, // It has none of its own, and a gate.
	}
	if diff := cmp.Diff(want, m.Guardrails()); diff != "" {
		t.Error(diff)
	}
}
