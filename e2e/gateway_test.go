package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"hone"
	"hone/internal/gateway"
	"hone/internal/store"
)

// TestE2EGateway kills the server for a while under steady load on a gateway of
// its own, which is killed and started again meanwhile: every request is
// answered as the last plan says, and each is in the log once, in the end. The
// run that was under way goes on by what the gateway served. With HONE_TEST_LONG
// the server is away for a minute.
func TestE2EGateway(t *testing.T) {
	x := newTrial(t, "")
	away := size(5*time.Second, time.Minute)
	x.start()
	one, two := newGate(x.server, "gw1"), newGate(x.server, "gw2")
	one.start()
	two.start()
	named, unnamed := ask(t, one.listen, "named", 60), ask(t, one.listen, "", 60)
	beside := ask(t, two.listen, "beside", 20)
	x.retrain()
	x.await(hone.Shadowing)
	x.await(hone.Canary) // Which takes shadow scores that the gateways made.
	x.must("POST", "/api/v1/runs/m-2/pause", map[string]any{}, nil)
	begun := time.Now()
	plan := x.plan()
	if plan.Challenger != "v2" || plan.Weight != 0.5 {
		t.Errorf("the plan is %+v", plan)
	}
	pass(t, time.Second)
	x.end(syscall.SIGKILL)
	dead := time.Now()
	pass(t, away/2)
	one.end(syscall.SIGKILL)
	started := one.start()
	pass(t, away/2)
	back := time.Now()
	x.start()
	pass(t, 300*time.Millisecond)
	x.end(syscall.SIGKILL) // In the middle of what it takes over.
	x.start()
	recovered := time.Since(back)
	x.resume(hone.Canary)
	x.eventually("m-2 is over", func() bool { return x.run("m-2").State == hone.Closed })
	if r := x.run("m-2"); r.Ending != hone.Promoted {
		t.Errorf("m-2 ended %s: %s", r.Ending, r.Sentence)
	}
	x.switched(unnamed, "v2")
	if out, err := x.rollBack(); err == nil || !strings.Contains(out, "end that process first") {
		t.Errorf("a rollback beside a server: %v\n%s", err, out)
	}
	x.end(syscall.SIGKILL)
	if out, err := x.rollBack(); err != nil || !strings.Contains(out, "owner rolled m back to v1: complaints") {
		t.Errorf("a rollback without a server: %v\n%s", err, out)
	}
	x.switched(unnamed, "v1")
	x.start()
	if got := x.champion(); got != "v1" {
		t.Errorf("%s is champion after the rollback", got)
	}
	var audit struct {
		Whole    bool
		Sentence string
	}
	if x.must("GET", "/api/v1/audit/verify", nil, &audit); !audit.Whole {
		t.Error(audit.Sentence)
	}

	all := [][]answer{named.stop(), unnamed.stop(), beside.stop()}
	acked, sent, longest, slow := map[hone.PredictionID]bool{}, 0, time.Duration(0), 0
	for _, answers := range all {
		sent += len(answers)
		for id := range good(t, answers) {
			acked[id] = true
		}
		for _, a := range answers {
			if a.retried {
				longest = max(longest, a.received.Sub(a.sent))
			}
			if a.sent.Before(begun.Add(time.Second)) || a.received.After(back) {
				continue
			}
			want := gateway.Route(plan, string(a.ID))
			if want == hone.ByCanary && a.Route == hone.ByFallback && a.Version == "v1" {
				slow++ // On a machine with other work a second may not be enough.
				continue
			}
			if a.Route != want || (a.Version == "v2") != (want == hone.ByCanary) {
				t.Errorf("%s: %s by %s, want %s", a.ID, a.Route, a.Version, want)
			}
		}
	}
	if slow > len(acked)/100 {
		t.Errorf("%d of %d answers fell back to the champion", slow, len(acked))
	}
	if limit := size(5*time.Second, time.Second); longest > limit || started > limit {
		t.Errorf("the gateway was away for %v, %v of them to start; the limit is %v", longest, started, limit)
	}
	t.Logf("%d answers, %d failed; the server was away %v, the gateway %v (%v to start); the server took over in %v", len(acked), sent-len(acked), back.Sub(dead), longest, started, recovered)
	one.end(syscall.SIGTERM)
	two.end(syscall.SIGTERM)
	x.logged(acked)
}

// rollBack rolls the model back without asking a server.
func (s *server) rollBack() (string, error) {
	out, err := exec.Command(binary, "gateway", "rollback", "m", "--config", s.at("hone.yaml"), "--reason", "complaints").CombinedOutput()
	return string(out), err
}

// pass lets time pass.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// plan reads the plan that the server left for the gateways.
func (s *server) plan() (p hone.Plan) {
	s.t.Helper()
	b, err := os.ReadFile(s.at("data", "plans", "m.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	if err := json.Unmarshal([]byte(line), &p); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// switched waits until a load is answered by a version, which takes a second at
// most once the server has said so.
func (s *server) switched(l *load, v hone.VersionID) {
	s.t.Helper()
	begun := time.Now()
	s.eventually("the gateway answers by "+string(v), func() bool { return l.last.Load().Version == v })
	if took := time.Since(begun); took > size(5*time.Second, time.Second) {
		s.t.Errorf("%s answers after %v", v, took)
	}
}

// logged waits until the server has taken everything over, stops it, and holds
// that each acknowledged prediction is in the log once, as is each shadow score.
func (s *server) logged(acked map[hone.PredictionID]bool) {
	s.t.Helper()
	s.eventually("the server has taken everything over", func() bool {
		for id := range acked {
			if s.do("GET", "/api/v1/trace/"+string(id), nil, nil) != nil {
				return false
			}
		}
		return true
	})
	s.end(syscall.SIGTERM)
	db, err := store.Open(s.at("data"), store.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	ps, err := db.Predictions(s.t.Context(), "m", 0, 10_000_000)
	if err != nil {
		s.t.Fatal(err)
	}
	count := map[hone.PredictionID]int{}
	for _, p := range ps {
		if count[p.ID]++; count[p.ID] > 1 {
			s.t.Errorf("%s is in the log %d times", p.ID, count[p.ID])
		}
	}
	shadows, err := db.Shadows(s.t.Context(), "m", 0, 10_000_000)
	if err != nil {
		s.t.Fatal(err)
	}
	scored := map[string]int{}
	for _, x := range shadows {
		if key := string(x.ID) + " by " + string(x.Version); scored[key] > 0 {
			s.t.Errorf("the score of %s is in the log twice", key)
		} else {
			scored[key]++
		}
	}
	for id := range acked {
		if count[id] != 1 {
			s.t.Errorf("%s is in the log %d times", id, count[id])
		}
	}
	if len(scored) < 20 {
		s.t.Errorf("%d shadow scores", len(scored))
	}
}
