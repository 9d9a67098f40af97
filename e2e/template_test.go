package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"hone"
)

// A template is tried with data, and asked about rows: one that is plain, one with gaps
// and one with a category that was never seen. own prints, in the artefact's folder,
// what the model itself says of the rows on its standard input, past Hone.
type template struct {
	name  string
	needs []string // Modules of Python.
	rows  []map[string]string
	own   string
}

var payments = []map[string]string{
	{"amount": "950", "country": "FR", "night": "1", "channel": "web"},
	{"amount": "12.5", "night": "0"},
	{"country": "Atlantis", "night": "1", "channel": "app"},
}

// asFrame makes a frame of pandas of the rows: what is given as a text is a category.
const asFrame = `
import json, sys, pandas
rows = json.load(sys.stdin)
def frame(names, categories):
    out = {}
    for n in names:
        values = [r.get(n) for r in rows]
        if n in categories:
            out[n] = pandas.Categorical(values, categories=categories[n])
        else:
            out[n] = pandas.Series([float("nan") if v is None else float(v) for v in values])
    return pandas.DataFrame(out)
`

var templates = []template{
	{"sklearn", []string{"sklearn", "pandas"}, payments, asFrame + `
import joblib
model = joblib.load("model.bin")
known = json.load(open("estimator.json"))["categories"]
print(json.dumps(model.predict_proba(frame(model.feature_names_in_, known))[:, 1].tolist()))`},
	{"lightgbm", []string{"lightgbm", "pandas"}, payments, asFrame + `
import lightgbm
model = lightgbm.Booster(model_file="model.txt")
known = dict(zip(["country", "channel"], model.pandas_categorical))
print(json.dumps(model.predict(frame(model.feature_name(), known)).tolist()))`},
	{"xgboost", []string{"xgboost", "pandas"}, payments, asFrame + `
import xgboost
model = xgboost.Booster(model_file="model.json")
known = dict(zip(model.feature_names, ([str(v) for v in c.to_pylist()] if c is not None else None for _, c in model.get_categories(True).to_arrow())))
print(json.dumps(model.predict(xgboost.DMatrix(frame(model.feature_names, {n: c for n, c in known.items() if c}), enable_categorical=True)).tolist()))`},
	{"text", []string{"sklearn", "pandas"}, []map[string]string{{"message": "Please refund my payment"}, {"message": "Where is my parcel?"}, {"message": ""}}, `
import json, sys, joblib, pandas
rows = json.load(sys.stdin)
model = joblib.load("model.bin")
p = model.predict_proba(pandas.DataFrame({"message": [r["message"] for r in rows]}))
classes = json.load(open("hone.json"))["signature"]["classes"]
print(json.dumps(p[:, [list(model.classes_).index(c) for c in classes]].ravel().tolist()))`},
	{"custom", nil, payments, `
import json, sys, serve
model = json.load(open("model.json"))
rows = [{f["name"]: r.get(f["name"]) for f in model["features"]} for r in json.load(sys.stdin)]
print(json.dumps([s for r in rows for s in serve.score(model, r)]))`},
	{"pytorch", []string{"torch"}, payments, `
import json, sys, torch, hone.encoder
encoder = hone.encoder.Encoder.load(__import__("pathlib").Path("encoder.json"))
rows = [{n: (float(r[n]) if n in encoder.numbers else r[n]) if n in r else None for n in [*encoder.numbers, *encoder.categories]} for r in json.load(sys.stdin)]
out = torch.jit.load("model.pt")(torch.tensor(encoder.encode(rows)))
print(json.dumps(torch.sigmoid(out.double()).ravel().tolist()))`},
}

// TestE2ETemplates begins with each template in an empty folder and serves what it
// trains: the scores are those of the model itself. It takes some seconds for each, and
// a Python that has what examples/python/requirements.txt names.
func TestE2ETemplates(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts servers")
	}
	python := os.Getenv("HONE_TEST_PYTHON")
	if python == "" {
		t.Skip("NOT TESTED: the templates of hone init. Set HONE_TEST_PYTHON to a Python that has examples/python/requirements.txt installed.")
	}
	for _, x := range templates {
		t.Run(x.name, func(t *testing.T) {
			for _, module := range x.needs {
				if out, err := exec.Command(python, "-c", "import "+module).CombinedOutput(); err != nil {
					t.Skipf("NOT TESTED: the template %s; %s has no %s: %s", x.name, python, module, out)
				}
			}
			x.try(t, python)
		})
	}
}

func (x template) try(t *testing.T, python string) {
	dir := t.TempDir()
	in := func(args ...string) *exec.Cmd {
		c := exec.Command(binary, args...)
		c.Dir, c.Env = dir, append(os.Environ(), "HONE_PYTHON="+python)
		return c
	}
	ask := func(into any, args ...string) {
		t.Helper()
		out, err := in(append(args, "--json")...).Output()
		if err == nil {
			err = json.Unmarshal(out, into)
		}
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			out = e.Stderr
		}
		if err != nil {
			t.Fatalf("hone %v: %v\n%s", args, err, out)
		}
	}
	data, model, label := "example.csv", "example", []string{}
	if x.name != "text" { // It brings data of its own.
		data, model = "../examples/first/data.csv", "data"
		var err error
		if data, err = filepath.Abs(data); err != nil {
			t.Fatal(err)
		}
		label = []string{"--from", data, "--label", "is_fraud"}
	}
	var begun, imported any
	ask(&begun, append([]string{"init", "--template", x.name}, label...)...)
	ask(&imported, "import", data)
	s := &server{t: t, dir: dir, program: in("serve", "--listen", "127.0.0.1:0")}
	s.launch("hone-data")
	t.Cleanup(func() { s.end(os.Interrupt) })
	var run hone.Run
	await(s, "the first run closes", func() bool {
		var got struct{ Runs []hone.Run }
		s.must("GET", "/api/v1/models/"+model+"/runs", nil, &got)
		if len(got.Runs) > 0 {
			run = got.Runs[0]
		}
		return run.State == hone.Closed
	})
	if run.Ending != hone.Promoted {
		t.Fatalf("%s: %s", run.Ending, run.Sentence)
	}
	await(s, "the gateway has the first version", func() bool { return s.do("GET", "/v2/models/"+model+"/ready", nil, nil) == nil })
	x.compare(s, python, model, ask)
}

// await looks seldom, and for long: the trainer and the model's own server yield to all
// else that this machine does.
func await(s *server, what string, f func() bool) {
	s.t.Helper()
	tick, late := time.NewTicker(200*time.Millisecond), time.After(5*time.Minute)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-late:
			s.t.Fatalf("not within five minutes: %s\n%s", what, s.said)
		}
	}
}

// compare holds the scores that Hone serves against the model's own, and looks at where
// they say that they come from.
func (x template) compare(s *server, python, model string, ask func(into any, args ...string)) {
	t := s.t
	t.Helper()
	var got []float64
	var trace struct {
		Prediction hone.Prediction
		Version    hone.Version
	}
	for _, row := range x.rows {
		args := []string{"predict", model}
		for name, value := range row {
			args = append(args, name+"="+value)
		}
		var answer struct {
			ID     string `json:"prediction_id"`
			Score  float64
			Scores map[string]float64
		}
		ask(&answer, args...)
		s.eventually("the prediction is stored", func() bool {
			return s.do("GET", "/api/v1/trace/"+answer.ID+"?model="+model, nil, nil) == nil
		})
		ask(&trace, "trace", answer.ID)
		if trace.Version.Signature.Task == hone.Binary {
			got = append(got, answer.Score)
			continue
		}
		for _, class := range trace.Version.Signature.Classes {
			got = append(got, answer.Scores[class])
		}
	}
	if v := trace.Version; v.ID == "" || v.ID != trace.Prediction.Version || v.Trainer != "command" {
		t.Errorf("the prediction is by %q, the version %q of the trainer %q", trace.Prediction.Version, v.ID, v.Trainer)
	}
	rows, err := json.Marshal(x.rows)
	if err != nil {
		t.Fatal(err)
	}
	own := exec.Command(python, "-B", "-W", "ignore", "-c", x.own)
	own.Dir, own.Stdin, own.Stderr = s.at("hone-data", "artefacts", "tree", trace.Version.Artefact), bytes.NewReader(rows), os.Stderr
	out, err := own.Output()
	var want []float64
	if err == nil {
		err = json.Unmarshal(out, &want)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("Hone %v, the model %v", got, want)
	if len(got) != len(want) || len(got) < len(x.rows) {
		t.Fatalf("Hone gives %v, the model %v", got, want)
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= 1e-6) {
			t.Errorf("score %d is %v, the model's own %v", i, got[i], want[i])
		}
	}
}
