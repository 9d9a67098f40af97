package config

import (
	"math"

	"hone"
	"hone/internal/stat/change"
	"hone/internal/train/search"
)

// unit says how a number is written.
type unit int

const (
	plain     unit = iota
	share          // 20% or 0.2.
	perMetric      // A duration for latency_p99, a size for memory, else a number.
)

// rule is what a type alone does not say of a key.
type rule struct {
	required bool
	words    []string // The only values there are.
	unit     unit
	min, max float64 // Inclusive; without a max there is none.
	above    bool    // The minimum itself is too little.
	below    bool    // The maximum itself is too much.
	example  string
	file     bool // A file or folder of this machine: nothing is fetched.
	// also names the short ways of writing a value that is a mapping.
	also string
}

var (
	metrics = []string{"loss", "accuracy", "auc", "pr_auc", "log_loss", "brier", "f1", "macro_f1", "kappa", "cost", "rmse", "mae", "mape"}
	// gateMetrics has one name for all quantiles, and one for all classes.
	gateMetrics = append(metrics[:len(metrics):len(metrics)], ofClass, ofQuantile, "ece", "negative_flips", "latency_p99", "memory",
		calibration, permutedTwin, regressionTests)
	// lossWords are the losses that a word alone declares.
	lossWords = []string{"zero_one", "log", "squared", "absolute"}
	kinds     = []string{"number", "category", "text"}
)

const (
	regressionTests = "regression_tests"
	calibration     = "calibration"
	permutedTwin    = "permuted_twin"
	lossChange      = "loss.change"
	ofClass         = "f1_CLASS"
	ofQuantile      = "pinball_0.9"
)

// rules by type and key. A whole number, a duration or a size is at least 0
// unless it says otherwise.
var rules = map[string]rule{
	"Config.version": {required: true, example: "1"},
	"Config.models":  {required: true},

	"Server.spool":     {min: 1 << 20, example: "1GiB"},
	"Server.hosts":     {example: "[hone.example]"},
	"Server.anonymous": {words: []string{"feedback", "none"}},
	"Server.data":      {file: true},
	"ONNX.program":     {example: "/usr/local/bin/hone-onnx", file: true},
	"ONNX.library":     {example: "/usr/local/lib/libonnxruntime.so", file: true},
	"TLS.cert":         {required: true, example: "hone.pem", file: true},
	"TLS.key":          {required: true, example: "hone.key", file: true},

	"Model.owner":      {example: "ada@example.com"},
	"Model.task":       {required: true, words: []string{"binary", "multiclass", "regression"}},
	"Model.serving":    {words: []string{"gateway", "external"}},
	"Delivery.command": {example: "[python, deliver.py]"},
	"Delivery.timeout": {min: 1e9, example: "10m"},
	"Delivery.env":     {also: "references alone: `{API_KEY: env:ACME_KEY}`"},
	"Delivery.webhook": {example: "https://models.example.com/hone"},
	"Delivery.secret":  {example: "env:HONE_WEBHOOK"},
	"Model.features":   {required: true, also: "a mapping of names to kinds: `{amount: number, country: category, note: text}`"},
	"Model.label":      {required: true, also: "the name alone: `label: is_fraud`"},
	"Model.loss": {also: "a word (`zero_one`, `log`, `squared`, `absolute`), prices (`{false_negative: 50, false_positive: 1}`), " +
		"or the feature that prices each row (`{column: amount}`)"},
	"Model.slices":     {example: "[country]"},
	"Model.gates":      {also: "`{regression_tests: anchors.jsonl, max_failures: 0}`, which holds the anchor cases and sets `dataset.anchor`"},
	"Model.metrics":    {example: "{profit: {command: [python, profit.py], direction: higher}}"},
	"Metric.command":   {example: "[python, profit.py]"},
	"Metric.direction": {words: []string{"higher", "lower"}},
	"Metric.columns":   {example: "[amount]"},
	"Metric.timeout":   {min: 1e9, example: "1m"},
	"Metric.memory":    {min: 1 << 20, example: "1GiB"},
	"Model.evidence":   {words: []string{"balanced", "strict"}},
	"Model.approval":   {words: []string{"auto", "manual"}},
	"Model.log":        {words: []string{"buffered", "durable"}},
	"Model.retention":  {min: 3600e9, example: "90d"},

	"LabelSpec.name":  {required: true},
	"LabelSpec.delay": {example: "7d"},
	"LabelSpec.after": {example: "60d"},

	"Costs.currency":  {example: "EUR"},
	"Costs.loss":      {max: math.MaxFloat64, above: true, example: "0.5"},
	"Costs.core_hour": {max: math.MaxFloat64, above: true, example: "0.05"},
	"Costs.label":     {max: math.MaxFloat64, example: "0.2"},
	"Costs.fault":     {max: math.MaxFloat64, example: "0.1"},

	"Loss.kind":           {words: []string{"zero_one", "cost", "log", "squared", "absolute", "column"}},
	"Loss.false_negative": {max: math.MaxFloat64, example: "50"},
	"Loss.false_positive": {max: math.MaxFloat64, example: "1"},
	"Loss.threshold":      {unit: share, max: 1, above: true, below: true, example: "0.2"},

	"MonitorSpec.window":   {min: 200, example: "1000"},
	"MonitorSpec.every":    {example: "1h"},
	"MonitorSpec.late":     {example: "5m"},
	"MonitorSpec.detector": {words: change.Names()},
	"MonitorSpec.season":   {words: []string{"week", hone.NoSeason}},
	"MonitorSpec.tick":     {min: 1, example: "200"},

	"DatasetSpec.anchor":   {file: true},
	"DatasetSpec.window":   {example: "auto"},
	"DatasetSpec.history":  {unit: share, max: 1, below: true, example: "10%"},
	"DatasetSpec.holdout":  {unit: share, max: 0.9, above: true, example: "20%"},
	"DatasetSpec.max_rows": {min: 1, example: "200000"},
	"DatasetSpec.min_rows": {min: 1, example: "200"},

	"DatasetSpec.max_per_user":     {unit: share, max: 1, example: "1%"},
	"DatasetSpec.max_per_source":   {unit: share, max: 1, example: "20%"},
	"DatasetSpec.max_per_user_day": {example: "5"},
	"DatasetSpec.sources":          {example: "[warehouse]"},
	"DatasetSpec.quarantine":       {example: "1d"},
	"DatasetSpec.eras":             {example: "[{name: christmas, from: 2025-12-01, to: 2025-12-31, keep: true}]"},
	"Era.name":                     {required: true, example: "christmas"},
	"Era.from":                     {required: true, example: "2025-12-01"},
	"Era.to":                       {required: true, example: "2025-12-31"},
	"DatasetSpec.trim":             {unit: share, max: 0.2, example: "2%"},

	"ValidationSpec.features":  {also: "constraints by feature: `{amount: {min: 0, max: 50000}, country: {required: true}}`"},
	"ValidationSpec.freshness": {example: "2d"},
	"ValidationSpec.block":     {words: hone.DataChecks, example: "[label_rate, volume]"},
	"ValidationSpec.ask":       {words: hone.DataChecks, example: "[label_rate]"},
	"ValidationSpec.warn":      {words: hone.DataChecks, example: "[duplicates]"},
	"ValidationSpec.off":       {words: hone.DataChecks, example: "[range]"},
	"Constraint.min":           {min: -math.MaxFloat64, max: math.MaxFloat64, example: "0"},
	"Constraint.max":           {min: -math.MaxFloat64, max: math.MaxFloat64, example: "50000"},
	"Constraint.categories":    {example: "[CH, DE, FR]"},
	"Constraint.max_missing":   {unit: share, max: 1, example: "5%"},

	"TrainSpec.trainer":     {words: []string{"linear", "gbdt", "command"}},
	"TrainSpec.command":     {example: "[python, train.py]"},
	"Server.reserve":        {example: "64MiB"},
	"TrainSpec.search":      {also: "trials alone: `search: 20`"},
	"Search.max_cost":       {max: math.MaxFloat64, above: true, example: "5"},
	"Search.trials":         {required: true, min: 1, max: 1000, example: "20"},
	"Search.method":         {words: []string{"tpe", "random", "halving"}},
	"Search.resource":       {example: "num_iterations"},
	"Search.time":           {min: 1e9, example: "10m"},
	"Search.parallel":       {min: 1, max: search.MostParallel, example: "2"},
	"Search.space":          {example: "{num_leaves: {from: 7, to: 127, log: true, whole: true}}"},
	"TrainSpec.calibration": {words: []string{"none", "platt", "isotonic"}},
	"TrainSpec.env":         {also: "references alone: `{API_KEY: env:ACME_KEY, DB_PASSWORD: file:secrets/db}`"},
	"TrainSpec.sandbox":     {words: []string{"best_effort", "require", "off"}},
	"TrainSpec.continuous":  {min: 100, max: 1000000, example: "500"},
	"TrainSpec.read":        {example: "[/srv/embeddings]"},
	"Limits.time":           {min: 1e9, example: "30m"},
	"Limits.memory":         {min: 1 << 20, example: "4GiB"},
	"Limits.output":         {min: 1 << 20, example: "2GiB"},
	"Model.upstreams":       {example: "[{url: https://scores.example}]"},
	"Upstream.url":          {required: true, example: "https://scores.example"},
	"Upstream.headers":      {also: "references alone: `{Authorization: file:secrets/scores}`"},

	"Trigger.recoverable_loss":     {also: "the price alone: `recoverable_loss: 300`, `recoverable_loss: auto`"},
	"Trigger.schedule":             {also: "the expression alone: `schedule: \"0 3 * * 1\"`"},
	"Trigger.data_volume":          {min: 1, example: "50000"},
	"Trigger.when":                 {example: "\"drift.max > 0.3 && labels.mature > 2000\""},
	"Trigger.event":                {also: "the type alone: `event: com.acme.catalogue.changed`"},
	"Trigger.consecutive":          {min: 1, max: 1000, example: "3"},
	"Trigger.warm_up":              {example: "2d"},
	"AtLeast.n":                    {required: true, min: 1, max: 100, example: "2"},
	"AtLeast.of":                   {required: true, example: "[{drift: {features: 30%}}, {data_volume: 5000}]"},
	"Trigger.any":                  {example: "[{drift: {features: 30%}}, {data_volume: 5000}]"},
	"Trigger.all":                  {example: "[{drift: {features: 30%}}, {data_volume: 5000}]"},
	"RecoverableLoss.retrain_cost": {max: math.MaxFloat64, above: true, example: "300"},
	"RecoverableLoss.reuse":        {min: -1, max: 50, example: "5"},
	"RecoverableLoss.blind":        {also: "the expression alone: `blind: \"0 3 1 * *\"`"},
	"Schedule.cron":                {required: true},
	"DriftTrigger.features":        {required: true, unit: share, max: 1, above: true, example: "30%"},
	"Performance.metric":           {required: true, words: append(metrics[:len(metrics):len(metrics)], lossChange)},

	"Guards.cooldown":        {example: "1h"},
	"Guards.max_per_day":     {max: 1000, example: "4"},
	"Guards.max_per_month":   {max: 1000, example: "40"},
	"Budget.run_cost":        {max: math.MaxFloat64, above: true, example: "300"},
	"Budget.per_day":         {max: math.MaxFloat64, above: true, example: "1200"},
	"Budget.per_month":       {max: math.MaxFloat64, above: true, example: "9000"},
	"SharedBudget.per_day":   {max: math.MaxFloat64, above: true, example: "20"},
	"SharedBudget.per_month": {max: math.MaxFloat64, above: true, example: "300"},
	"Guards.min_new_labels":  {example: "200"},

	"Gate.metric":         {example: "auc"},
	"Gate.min_change":     {unit: perMetric, example: "0"},
	"Gate.max_regression": {unit: perMetric, example: "0.02"},
	"Gate.max":            {unit: perMetric, example: "0.5"},
	"Gate.min":            {unit: perMetric, example: "0.5"},
	"Gate.slices":         {words: []string{"all"}},

	"RolloutSpec.strategy":     {words: []string{"canary", "blue_green", "immediate"}},
	"RolloutSpec.patience":     {unit: share, max: 1, above: true, example: "5%"},
	"Step.shadow":              {min: 1, example: "500"},
	"Step.weight":              {unit: share, max: 1, above: true, example: "50%"},
	"Step.min_requests":        {min: 1, example: "200"},
	"Step.max_wait":            {min: 1e9, example: "2d"},
	"Step.on_insufficient":     {words: []string{"hold", "ask", "promote", "rollback"}},
	"Guardrail.metric":         {example: "error_rate"},
	"Guardrail.feedback":       {words: []string{"thumb", "score"}},
	"Guardrail.class":          {example: "1"},
	"Guardrail.direction":      {words: []string{"higher", "lower"}},
	"Guardrail.max":            {unit: perMetric, example: "20ms"},
	"Guardrail.max_increase":   {unit: perMetric, example: "0.5%"},
	"Guardrail.max_change":     {unit: perMetric, example: "0.05"},
	"Guardrail.max_regression": {unit: perMetric, example: "2%"},
	"Guardrail.age":            {example: "1h"},
	"Guardrail.min_rows":       {example: "200"},

	"Probation.labels": {min: 1, example: "3000"},
}

// absent says of keys that other tools, or Hone's plan, know why they are not
// read. Without it they would only be unknown.
var absent = map[string]string{
	"Model.version":   "it belongs into hone.yaml",
	"Model.server":    "it belongs into hone.yaml",
	"Model.models":    "a file in models/ holds the keys of one model, such as task, at its top",
	"Trigger.webhook": "use event, and POST to /api/v1/models/NAME/events",
}

// absentWords does the same for values.
var absentWords = map[string]string{
	"Model.task=recommend": "want binary, multiclass or regression",
	"Model.task=chat":      "want binary, multiclass or regression",
}
