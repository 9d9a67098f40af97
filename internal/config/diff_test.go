package config_test

import (
	"fmt"
	"strings"
	"testing"

	"hone"
	"hone/internal/config"
)

func one(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("hone.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestDiffMissesNothing compares every model of the good files with every other:
// whatever changes a model's hash is a change of some key.
func TestDiffMissesNothing(t *testing.T) {
	t.Parallel()
	var all []hone.Model
	var hashes []string
	for _, path := range files(t, "*.good.*", 14) {
		for _, m := range one(t, string(read(t, path))).Models {
			m.Name = "m"
			all, hashes = append(all, m), append(hashes, config.Hash(m))
		}
	}
	for i, a := range all {
		for j, b := range all {
			d := config.Diff(&config.Config{Models: map[string]hone.Model{"m": a}}, &config.Config{Models: map[string]hone.Model{"m": b}})
			if same := hashes[i] == hashes[j]; d.Same() != same {
				t.Errorf("same %v, want %v:\n%+v\n%+v", d.Same(), same, a, b)
			}
			for _, m := range d.Models {
				for _, c := range m.Changes {
					if c.Path == "" || c.Old == c.New {
						t.Errorf("a change of nothing: %+v", c)
					}
				}
			}
		}
	}
}

const plain = "    task: binary\n    features: {amount: number, country: category}\n    label: is_fraud\n"

func TestDiffSaysWhatChanges(t *testing.T) {
	t.Parallel()
	f := func(old, now string, want ...string) {
		t.Helper()
		head := "version: 1\nmodels:\n  m:\n"
		d := config.Diff(one(t, head+old), one(t, head+now))
		var got []string
		for _, m := range d.Models {
			if m.Model != "m" || m.Kind != "changed" {
				t.Errorf("%+v", m)
			}
			for _, c := range m.Changes {
				got = append(got, strings.TrimSpace(fmt.Sprintf("%s: %s → %s %s", c.Path, c.Old, c.New, c.Effect)))
				if c.Means == "" && c.Path != "owner" && c.Path != "retention" {
					t.Errorf("%s: nothing is said of what it means", c.Path)
				}
			}
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	}
	add := func(s string) string { return plain + "    " + s + "\n" }
	f(plain, plain)
	f(plain, strings.Replace(plain, "label: is_fraud", "label: {name: is_fraud, delay: 7d}", 1), "label.delay: 0s → 7d")
	f(plain, strings.Replace(plain, "country: category", "country: text, age: number", 1), "features.country: category → text", "features.age:  → number")
	f(plain, strings.Replace(plain, "amount: number, country: category", "country: category, amount: number", 1),
		"features: {amount: number, country: category} → {country: category, amount: number}")
	f(plain, add("owner: Ada Lovelace"), `owner:  → "Ada Lovelace"`)
	f(plain, add("loss: {false_negative: 50, false_positive: 1}"), "loss.kind: zero_one → cost", "loss.false_negative: 0 → 50", "loss.false_positive: 0 → 1")
	f(add("loss: {kind: zero_one, threshold: 20%}"), add("loss: {kind: zero_one, threshold: 0.5}"), "loss.threshold: 20% → 50%")
	f(add("retention: 90d"), add("retention: 100d"), "retention: 90d → 100d")
	f(plain, add("slices: [country]"), "slices:  → [country]")
	f(plain, add("dataset: {holdout: 30%}"), "dataset.holdout: 20% → 30%")
	f(plain, add("train: {trainer: command, command: [python, train.py], env: {A: env:B}, limits: {memory: 8GiB}, params: {depth: 3}}"),
		"train.trainer: linear → command", "train.command:  → [python, train.py]", "train.params.depth:  → 3", `train.env.A:  → "env:B"`, "train.limits.memory: 4GiB → 8GiB")
	f(add("train: {trainer: command, command: [t], params: {a: 1, b: [1, 2]}}"), add("train: {trainer: command, command: [t], params: {b: [1, 3]}}"), "train.params.a: 1 →", "train.params.b: [1,2] → [1,3]")
	f(add("triggers: [{data_volume: 500}, {drift: {features: 30%}}]"), add("triggers: [{recoverable_loss: 300}, {data_volume: 400}]"),
		"triggers: {data_volume: 500} → {data_volume: 400}", "triggers: {drift: {features: 30%}} →", "triggers:  → {recoverable_loss: {retrain_cost: 300, reuse: 5}}")
	f(add("triggers: [{data_volume: 500}, {drift: {features: 30%}}]"), add("triggers: [{drift: {features: 30%}}, {data_volume: 500}]"),
		"triggers: [{data_volume: 500}, {drift: {features: 30%}}] → [{drift: {features: 30%}}, {data_volume: 500}]")
	f(plain, add("guards: {cooldown: 2h, max_per_day: 8, min_new_labels: 100}"),
		"guards.cooldown: 1h → 2h tighter", "guards.max_per_day: 4 → 8 looser", "guards.min_new_labels: 200 → 100 looser")
	f(add("gates: [{metric: auc, min: 0.7}, {metric: latency_p99, max: 20ms}]"), add("gates: [{metric: latency_p99, max: 30ms}, {metric: auc, min: 0.8}, {metric: memory, max: 500MiB}]"),
		"gates: {metric: auc, min: 0.7} → {metric: auc, min: 0.8} tighter", "gates: {metric: latency_p99, max: 20ms} → {metric: latency_p99, max: 30ms} looser",
		"gates:  → {metric: memory, max: 500MiB}")
	f(add("gates: [{metric: auc, min: 0.7}]"), add("gates: [{metric: brier, max: 0.2}]"),
		"gates: {metric: auc, min: 0.7} →  looser", "gates:  → {metric: brier, max: 0.2} tighter")
	f(add("gates: [{metric: auc, min: 0.7, max_regression: 0.01}]"), add("gates: [{metric: auc, min: 0.8, max_regression: 0.02}]"),
		"gates: {metric: auc, max_regression: 0.01, min: 0.7} → {metric: auc, max_regression: 0.02, min: 0.8}") // More of one, less of another.
	f(add("gates: [{regression_tests: a.jsonl, max_failures: 1}]"), add("gates: [{regression_tests: a.jsonl, max_failures: 3}]"),
		"gates: {regression_tests, max_failures: 1} → {regression_tests, max_failures: 3} looser")
	f(plain, add("evidence: strict"), "evidence: balanced → strict tighter",
		"rollout.steps: [{shadow: 300, max_wait: 2d, on_insufficient: hold}, {weight: 50%, min_requests: 200, max_wait: 2d, on_insufficient: hold}, {weight: 100%}]"+
			" → [{shadow: 1000, max_wait: 2d, on_insufficient: hold}, {weight: 1%, min_requests: 200, max_wait: 2d, on_insufficient: hold},"+
			" {weight: 5%, min_requests: 200, max_wait: 2d, on_insufficient: hold}, {weight: 25%, min_requests: 200, max_wait: 2d, on_insufficient: hold},"+
			" {weight: 50%, min_requests: 200, max_wait: 2d, on_insufficient: hold}, {weight: 100%}]\n"+
			"rollout.patience: 0.5% → 100%")
	f(add("approval: manual"), plain, "approval: manual → auto looser")
	f(plain, add("rollout: {probation: {labels: 100}}"), "rollout.probation.labels: 3000 → 100 looser")
	f(plain, add("log: durable"), "log: buffered → durable")
}

func TestDiffOfModelsAndServer(t *testing.T) {
	t.Parallel()
	a := one(t, "version: 1\nmodels:\n  old:\n"+plain+"  same:\n"+plain)
	b := one(t, "version: 1\nserver: {data: elsewhere}\nmodels:\n  new:\n"+plain+"  same:\n"+plain)
	d := config.Diff(a, b)
	if len(d.Models) != 2 || d.Models[0].Model != "new" || d.Models[0].Kind != "added" || d.Models[1].Model != "old" || d.Models[1].Kind != "removed" {
		t.Errorf("got %+v", d.Models)
	}
	if len(d.Server) != 1 || d.Server[0].Path != "server.data" || d.Server[0].Old != "hone-data" || !strings.Contains(d.Server[0].Means, "started anew") {
		t.Errorf("got %+v", d.Server)
	}
}
