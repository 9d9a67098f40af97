package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hone"
	"hone/internal/stream"
)

// python returns an interpreter that has the modules, or skips the test.
func python(t *testing.T, modules ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: it starts servers")
	}
	program := os.Getenv("HONE_TEST_PYTHON")
	if program == "" {
		t.Skip("NOT TESTED: set HONE_TEST_PYTHON to a Python that has " + strings.Join(modules, ", "))
	}
	if out, err := exec.Command(program, "-c", "import "+strings.Join(modules, ", ")).CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: %s lacks one of %s: %s", program, strings.Join(modules, ", "), out)
	}
	return program
}

// asTriton asks for the same rows as users of Triton do, over REST and gRPC, and
// prints what came of it.
const asTriton = `
import json, sys
import numpy
import tritonclient.grpc as grpc
from tritonclient.utils import InferenceServerException

at = sys.argv[1]
rows = numpy.array([[1.0, 2.0, 3.0], [9.0, 9.0, 1.0], [4.0, float("nan"), 0.0]])
out = {}

def inputs(client, **how):
    xs = []
    for i, name in enumerate(["f0", "f1", "f2"]):
        x = client.InferInput(name, [3], "FP64")
        x.set_data_from_numpy(rows[:, i].copy(), **how)
        xs.append(x)
    return xs

c = grpc.InferenceServerClient(at)
out["live"], out["ready"], out["model"] = c.is_server_live(), c.is_server_ready(), c.is_model_ready("m")
out["server"] = c.get_server_metadata().name
out["inputs"] = [(i.name, i.datatype, list(i.shape)) for i in c.get_model_metadata("m").inputs]
r = c.infer("m", inputs(grpc), request_id="triton-1")
answer = r.get_response()
out["id"], out["version"] = answer.id, answer.parameters["version"].string_param
out["grpc"] = r.as_numpy("score").tolist()
out["class"] = [b.decode() for b in r.as_numpy("class")]
matrix = grpc.InferInput("input", [3, 3], "FP32")
matrix.set_data_from_numpy(rows.astype("float32"))
out["matrix"] = c.infer("m", [matrix], outputs=[grpc.InferRequestedOutput("score")]).as_numpy("score").tolist()
try:
    c.infer("nobody", inputs(grpc))
except InferenceServerException as e:
    out["refused"] = [e.status(), e.message()]
c.close()

try:
    import tritonclient.http as http
except ImportError as e:
    out["missing"] = str(e)
else:
    rows[2, 1] = 0  # JSON of this client has no NaN.
    h = http.InferenceServerClient(at)
    out["http_ready"] = h.is_server_live() and h.is_server_ready() and h.is_model_ready("m")
    r = h.infer("m", inputs(http, binary_data=False), request_id="triton-2", outputs=[http.InferRequestedOutput("score", binary_data=False)])
    out["http"], out["http_id"] = r.as_numpy("score").tolist(), r.get_response()["id"]
    h.close()
print(json.dumps(out))
`

// TestE2ETritonClients lets clients that others wrote ask, over gRPC and REST on the
// same port, the server and a gateway of its own.
func TestE2ETritonClients(t *testing.T) {
	program := python(t, "tritonclient.grpc")
	x := newTrial(t, "")
	x.start()
	one := newGate(x.server, "gw1")
	one.start()
	x.eventually("the gateway follows", func() bool { return x.champion() == "v1" })
	for _, at := range []string{strings.TrimPrefix(x.base, "http://"), one.listen} {
		c := exec.Command(program, "-c", asTriton, at)
		c.Stderr = os.Stderr
		b, err := c.Output()
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Live, Ready, Model bool
			Server, ID         string
			Inputs             [][]any
			Version            string
			GRPC, Matrix       []float64
			Class              []string
			Refused            []string
			Missing            string
			HTTPReady          bool      `json:"http_ready"`
			HTTP               []float64 `json:"http"`
			HTTPID             string    `json:"http_id"`
		}
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		if !got.Live || !got.Ready || !got.Model || got.Server != "hone" || len(got.Inputs) != 3 || got.ID != "triton-1" || got.Version != "v1" {
			t.Errorf("%s: got %s", at, b)
		}
		if len(got.GRPC) != 3 || len(got.Class) != 3 || got.Class[0] != "0" || got.Class[1] != "1" || len(got.Matrix) != 3 || got.Matrix[0] != got.GRPC[0] || got.Matrix[2] != got.GRPC[2] {
			t.Errorf("%s: the scores are %s", at, b)
		}
		if len(got.Refused) != 2 || got.Refused[0] != "StatusCode.NOT_FOUND" || !strings.Contains(got.Refused[1], `there is no model "nobody"`) {
			t.Errorf("%s: refused with %v", at, got.Refused)
		}
		if got.Missing != "" {
			t.Logf("NOT TESTED: tritonclient over REST: %s", got.Missing)
			continue
		}
		if !got.HTTPReady || got.HTTPID != "triton-2" || len(got.HTTP) != 3 || got.HTTP[0] != got.GRPC[0] || got.HTTP[1] != got.GRPC[1] {
			t.Errorf("%s: over REST got %s", at, b)
		}
	}
	x.eventually("what was asked is logged", func() bool { return x.do("GET", "/api/v1/trace/triton-1-2", nil, nil) == nil })
}

// asMLServer is a model of MLServer's own kind, and asFastAPI a service of somebody's
// own. Both know of rows as the tests make them.
const (
	asMLServer = `
import math
from mlserver import MLModel
from mlserver.types import InferenceResponse, ResponseOutput

class Model(MLModel):
    async def predict(self, request):
        f0, f1 = (next(list(x.data) for x in request.inputs if x.name == name) for name in ("f0", "f1"))
        score = [1 / (1 + math.exp(8.5 - a - b)) for a, b in zip(f0, f1)]
        return InferenceResponse(id=request.id, model_name=self.name, outputs=[ResponseOutput(name="score", shape=[len(score)], datatype="FP64", data=score)])
`
	asFastAPI = `
import math, sys
import uvicorn
from fastapi import FastAPI, Header, HTTPException

app = FastAPI()

@app.get("/healthz")
def healthz():
    return {}

@app.post("/score")
def score(body: dict, authorization: str = Header()):
    if authorization != "Bearer canary-e2e":
        raise HTTPException(401)
    return {"results": [{"p": 1 / (1 + math.exp(8.5 - r["a"] - r["b"])), "n": r["c"]} for r in body["rows"]]}

uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
`
)

// TestE2EUpstream makes a version of a server that others wrote: it is judged and
// promoted as any other, and answers. When its server is gone, that is said.
func TestE2EUpstream(t *testing.T) {
	for name, modules := range map[string][]string{"fastapi": {"fastapi", "uvicorn"}, "oip": {"mlserver"}, "oip_grpc": {"mlserver"}} {
		t.Run(name, func(t *testing.T) { promoted(t, name, python(t, modules...)) })
	}
}

func promoted(t *testing.T, name, program string) {
	http, rpc := freePort(t), freePort(t)
	url := "http://127.0.0.1:" + http
	change := "    upstreams: [{url: \"" + url + "\", private: true}]\n"
	var c *exec.Cmd
	spec := map[string]any{"protocol": name, "model": "theirs", "url": url}
	switch name {
	case "fastapi":
		change = "    upstreams: [{url: \"" + url + "\", private: true, headers: {Authorization: file:scores.secret}}]\n"
		spec = map[string]any{"protocol": "json", "url": url + "/score", "health": "/healthz", "request": map[string]any{"rows": "{{rows}}"},
			"row": map[string]any{"a": "{{f0}}", "b": "{{f1}}", "c": "{{f2}}"}, "answer": "/results/*/p"}
		c = exec.Command(program, "-c", asFastAPI, http)
	default:
		if name == "oip_grpc" {
			url = "http://127.0.0.1:" + rpc
			change = "    upstreams: [{url: \"" + url + "\", private: true}]\n"
			spec["url"] = url
		}
		c = exec.Command(filepath.Join(filepath.Dir(program), "mlserver"), "start", ".")
		c.Dir = t.TempDir()
		write := func(file, text string) {
			if err := os.WriteFile(filepath.Join(c.Dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("theirs.py", asMLServer)
		write("model-settings.json", `{"name": "theirs", "implementation": "theirs.Model"}`)
		write("settings.json", `{"host": "127.0.0.1", "http_port": `+http+`, "grpc_port": `+rpc+`, "metrics_port": `+freePort(t)+`, "parallel_workers": 0}`)
	}
	t.Parallel()
	s := &server{t: t, dir: t.TempDir(), rows: stream.NewSEA(7, nil, 0.05)}
	s.configure(change)
	t.Cleanup(func() { s.end(syscall.SIGTERM) })
	if err := os.WriteFile(s.at("scores.secret"), []byte("Bearer canary-e2e"), 0o600); err != nil {
		t.Fatal(err)
	}
	said := &syncBuffer{}
	c.Stdout, c.Stderr = said, said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	gone := false
	stop := func() {
		if !gone {
			gone = true
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	}
	t.Cleanup(stop)
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.at("control", "upstream"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.eventually("the upstream answers", func() bool { return listens(http) && (name == "fastapi" || listens(rpc)) })
	var items []map[string]any
	for i, r := range s.make(600) {
		items = append(items, map[string]any{"prediction_id": r.ID, "features": r.Features, "label": r.label, "time": time.Now().Add(time.Duration(i-600) * time.Second)})
	}
	s.must("POST", "/api/v1/models/m/history", map[string]any{"rows": items}, nil)
	s.eventually("v1 is champion", func() bool { return s.champion() == "v1" })
	var got struct {
		Predictions []struct {
			Version hone.VersionID
			Score   float64
		}
	}
	rows := map[string]any{"rows": []any{map[string]any{"features": map[string]any{"f0": 1, "f1": 2, "f2": 3}}, map[string]any{"features": map[string]any{"f0": 9, "f1": 8, "f2": 3}}}}
	s.must("POST", "/api/v1/models/m/predict", rows, &got)
	for i, want := range []float64{1 / (1 + math.Exp(5.5)), 1 / (1 + math.Exp(-8.5))} {
		if len(got.Predictions) != 2 || got.Predictions[i].Version != "v1" || math.Abs(got.Predictions[i].Score-want) > 1e-12 {
			t.Errorf("got %+v, want %v in row %d", got, want, i)
		}
	}
	stop()
	err = s.do("POST", "/api/v1/models/m/predict", rows, nil)
	if err == nil || !strings.Contains(err.Error(), "upstream "+url) {
		t.Errorf("without its server: %v", err)
	}
	if strings.Contains(s.said.String()+fmt.Sprint(err), "canary-e2e") {
		t.Error("the secret is told")
	}
}

// freePort is one that nobody listens on at the moment.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func listens(port string) bool {
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		return false
	}
	return c.Close() == nil
}
