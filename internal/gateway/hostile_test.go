package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hone"
	"hone/internal/clock"
	"hone/internal/gateway"
	"hone/internal/predictor"
	"hone/internal/sandbox"
)

// The test binary is also the hostile candidate that the tests start: with the
// argument candidate it serves in the manner that its next argument says.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == sandbox.Command:
		os.Exit(sandbox.Main())
	case len(os.Args) > 2 && os.Args[1] == "candidate":
		os.Exit(candidate(os.Args[2]))
	}
	goleak.VerifyTestMain(m)
}

func candidate(mode string) int {
	if mode == "dead" {
		fmt.Fprintln(os.Stderr, "the model file is missing")
		return 3
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/health/ready", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /v2/models/model/infer", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Inputs []struct{ Shape []int } }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		misbehave(w, r, mode, in.Inputs[0].Shape[0])
	})
	fmt.Fprintln(os.Stderr, http.ListenAndServe(os.Getenv("HONE_ADDR"), mux))
	return 4
}

func misbehave(w http.ResponseWriter, r *http.Request, mode string, n int) {
	score := "0.75"
	switch mode {
	case "crash":
		os.Exit(5)
	case "hang":
		<-r.Context().Done()
		return
	case "slow":
		<-time.After(2 * time.Second)
	case "garbage":
		_, _ = io.WriteString(w, "\x00\xff{{{")
		return
	case "nan":
		score = "NaN"
	case "infinite":
		score = "1e999"
	case "shape":
		n++
	case "huge":
		for range 64 {
			_, _ = w.Write(make([]byte, 1<<20))
		}
		return
	case "leak":
		for { // Until the kernel has enough of it.
			leaked = append(leaked, make([]byte, 16<<20))
			for b, i := leaked[len(leaked)-1], 0; i < len(b); i += 4096 {
				b[i] = 1
			}
		}
	case "fork":
		for range 10_000 {
			if exec.Command("/bin/sleep", "1000").Start() != nil {
				os.Exit(6)
			}
		}
	}
	scores := strings.TrimSuffix(strings.Repeat(score+",", n), ",")
	fmt.Fprintf(w, `{"outputs":[{"name":"score","shape":[%d],"datatype":"FP64","data":[%s]}]}`, n, scores)
}

var leaked [][]byte

// hostileSet is a gateway over a real pool, whose v2 is served by a candidate.
func hostileSet(t *testing.T, mode string) *set {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	m := predictor.Manifest{Format: "process", Signature: binary(fraud.Features), Command: []string{exe, "candidate", mode}}
	if err := predictor.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	box := sandbox.Spec{Program: "/proc/self/exe", Memory: 96 << 20}
	versions := predictor.NewPool(func(ctx context.Context, _ string, v hone.VersionID) (predictor.Predictor, error) {
		if v == "v1" {
			return constant(0.25), nil
		}
		return predictor.Open(ctx, dir, predictor.Options{Box: box, Log: slog.New(slog.DiscardHandler)})
	}, clock.System{})
	t.Cleanup(versions.Stop)
	s := &set{log: &journal{}, ejected: make(chan string, 100)}
	s.Gateway = gateway.New(gateway.Options{Pool: versions, Log: s.log,
		Model:   func(string) (hone.Model, bool) { return fraud, true },
		Ejected: func(model string, v hone.VersionID, why string) { s.ejected <- fmt.Sprintf("%s %s: %s", model, v, why) }})
	t.Cleanup(s.Stop)
	return s
}

// TestHostileCandidates gives each candidate its share of the traffic: no request
// fails, whatever the candidate does, and it is taken off the traffic.
func TestHostileCandidates(t *testing.T) {
	t.Parallel()
	const requests, rowsEach, clients = 40, 10, 4
	slots := make(chan struct{}, 3) // At once, so that what is tested is not the machine.
	for mode, why := range map[string]string{
		"good": "", "crash": "", "hang": "no answer within", "slow": "no answer within", "garbage": "not JSON", "nan": "not JSON",
		"infinite": "not numbers", "shape": "shape", "huge": "over", "leak": "", "fork": "", "dead": "does not load",
	} {
		for _, weight := range []float64{0.01, 0.5, 1} {
			if testing.Short() && weight < 1 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%v", mode, weight), func(t *testing.T) {
				t.Parallel()
				slots <- struct{}{}
				defer func() { <-slots }()
				s := hostileSet(t, mode)
				plan := canary(weight)
				if mode == "hang" || mode == "slow" {
					plan.Timeout = 200 * time.Millisecond
				}
				s.apply(t, plan)
				byCanary := ask(t, s, requests, rowsEach, clients)
				if mode == "good" {
					if byCanary == 0 && weight == 1 || len(s.ejected) > 0 {
						t.Errorf("%d rows by the candidate, %d ejections", byCanary, len(s.ejected))
					}
					return
				}
				if byCanary > 0 {
					t.Errorf("%d rows were answered by it", byCanary)
				}
				if weight < 0.5 && mode != "dead" {
					return // It was asked too seldom to be sure of.
				}
				select {
				case said := <-s.ejected:
					if !strings.Contains(said, "fraud v2: ") || !strings.Contains(said, why) {
						t.Errorf("ejected because %q, want %q", said, why)
					}
				case <-time.After(time.Minute):
					t.Errorf("it was not ejected")
				}
			})
		}
	}
}

// ask has clients ask at once, and returns how many rows the candidate answered.
// Every request must be answered, and as what it is.
func ask(t *testing.T, s *set, requests, rowsEach, clients int) (byCanary int) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range requests / clients {
				as, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(rowsEach)})
				if err != nil || len(as) != rowsEach {
					t.Errorf("got %d answers, %v", len(as), err)
					return
				}
				mu.Lock()
				for _, a := range as {
					if want := map[hone.VersionID]float64{"v1": 0.25, "v2": 0.75}[a.Version]; a.Scores[0] != want {
						t.Errorf("got %+v", a)
					}
					if a.Version == "v2" {
						byCanary++
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return byCanary
}

// TestHostileShadow lets candidates shadow that hang, crash and take all memory:
// requests are answered by the champion and wait for nothing.
func TestHostileShadow(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"hang", "crash", "leak", "huge"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := hostileSet(t, mode)
			const patience = 10 * time.Second
			s.apply(t, hone.Plan{Model: "fraud", Token: 1, Champion: "v1", Shadow: "v2", Timeout: patience})
			before := clock.System{}.Now()
			if n := ask(t, s, 200, 1, 2); n > 0 {
				t.Errorf("%d rows were answered by the shadow", n)
			}
			if took := (clock.System{}).Now().Sub(before); took > patience {
				t.Errorf("200 requests took %v", took)
			}
			if st := s.Stats()[0]; st.Errors != 0 || st.Fallbacks != 0 {
				t.Errorf("counted %+v", st)
			}
		})
	}
}
