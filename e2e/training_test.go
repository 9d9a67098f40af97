package e2e

import (
	"cmp"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hone"
)

// latency is how a gateway answered a steady load.
type latency struct{ p50, p99 time.Duration }

// steady loads a gateway for a while, and tells how it answered.
func steady(t *testing.T, g *gate, rate int, d time.Duration) latency {
	t.Helper()
	l := ask(t, g.listen, "", rate)
	pass(t, d)
	answers := l.stop()
	good(t, answers)
	return latency{quantile(answers, 0.5), quantile(answers, 0.99)}
}

// TestE2EGatewayTraining holds that a training beside it costs a gateway of its
// own no request, and says what it costs in time: idle and training stretches take
// turns, so that what else goes on upon the machine meets both. It takes a minute,
// and runs only with HONE_TEST_LONG.
func TestE2EGatewayTraining(t *testing.T) {
	if !long() {
		t.Skip("it takes a minute; HONE_TEST_LONG=1 runs it")
	}
	x := newTrial(t, "")
	x.start()
	g := newGate(x.server, "gw1")
	g.start()
	steady(t, g, 500, 2*time.Second)
	var idle, training []latency
	x.block("v2-twin")
	x.retrain()
	x.begun("v2-twin")
	for range 5 {
		idle = append(idle, steady(t, g, 500, 5*time.Second))
		stop := x.burn()
		training = append(training, steady(t, g, 500, 5*time.Second))
		stop()
	}
	x.unblock("v2-twin")
	x.await(hone.Shadowing)
	byTail := func(a, b latency) int { return cmp.Compare(a.p99, b.p99) }
	before, during := slices.SortedFunc(slices.Values(idle), byTail)[2], slices.SortedFunc(slices.Values(training), byTail)[2]
	t.Logf("medians of 5 stretches: p50 %v idle, %v training; p99 %v and %v", before.p50, during.p50, before.p99, during.p99)
}

// burn lets the training under way use all the time that it is given, until it
// is told to stop.
func (x *trial) burn() (stop func()) {
	x.t.Helper()
	if err := os.WriteFile(x.at("control", "burn"), nil, 0o600); err != nil {
		x.t.Fatal(err)
	}
	x.eventually("the training burns", func() bool { return exists(x.at("control", "burns")) })
	if out, err := exec.Command("ps", "-o", "nice=", "-p", x.read("burns")).Output(); err == nil {
		if n, err := strconv.Atoi(strings.TrimSpace(string(out))); err != nil || n < 10 {
			x.t.Errorf("the trainer has the niceness %q", out)
		}
	}
	return func() {
		if err := os.Remove(x.at("control", "burn")); err != nil {
			x.t.Fatal(err)
		}
		x.eventually("the training rests", func() bool { return !exists(x.at("control", "burns")) })
	}
}

func (x *trial) read(name string) string {
	b, err := os.ReadFile(x.at("control", name))
	if err != nil {
		x.t.Fatal(err)
	}
	return string(b)
}
