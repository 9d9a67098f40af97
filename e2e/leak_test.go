package e2e

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sample is what a process holds at a moment.
type sample struct{ rss, files, routines float64 }

// TestE2ELeaks lets a gateway of its own answer steadily while the server beside
// it retrains again and again and is killed now and then: no request fails, and
// what the gateway holds does not grow: memory, files, goroutines. With
// HONE_TEST_LONG it is five minutes of 2,000 requests a second, a run every 20
// seconds and a kill every minute; else it is twelve seconds, too few to see a
// slow leak.
func TestE2ELeaks(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it starts and kills servers")
	}
	t.Setenv("GOGC", "100") // The room that is left to garbage would fill slowly, as a leak does.
	s := prepared(t, "")
	s.start()
	g := newGate(s, "gw1")
	g.start()
	rate := size(100, 2000)
	l := ask(t, g.listen, "", rate)
	last, retrain, kill, tick := time.After(size(12*time.Second, 5*time.Minute)), time.NewTicker(size(3*time.Second, 20*time.Second)),
		time.NewTicker(size(5*time.Second, time.Minute)), time.NewTicker(size(100*time.Millisecond, time.Second))
	defer retrain.Stop()
	defer kill.Stop()
	defer tick.Stop()
	var own, server []sample
	runs, kills := 0, 0
	for over := false; !over; {
		select {
		case <-last:
			over = true
		case <-retrain.C:
			if s.do("POST", "/api/v1/models/m/runs", map[string]any{"force": true, "reason": "a test"}, nil) == nil {
				runs++
			}
		case <-kill.C:
			s.end(syscall.SIGKILL)
			http.DefaultClient.CloseIdleConnections()
			s.start()
			kills++
			server = nil // Another process.
		case <-tick.C:
			x := held(t, g.process.Process.Pid)
			x.routines = g.metric("go_goroutines")
			own = append(own, x)
			server = append(server, held(t, s.program.Process.Pid))
		}
	}
	answers := l.stop()
	good(t, answers)
	if runs == 0 || kills < 2 || len(own) < 30 {
		t.Fatalf("%d runs, %d kills, %d looks: too few", runs, kills, len(own))
	}
	third := len(own) / 3
	for name, of := range map[string]func(sample) float64{"memory": func(x sample) float64 { return x.rss },
		"files": func(x sample) float64 { return x.files }, "goroutines": func(x sample) float64 { return x.routines }} {
		before, after := middle(own[third:2*third], of), middle(own[2*third:], of)
		t.Logf("the gateway's %s: %.0f in the second third, %.0f in the last; the server's at the end: %.0f", name, before, after, middle(server, of))
		if after > 1.1*before+8 {
			t.Errorf("the gateway's %s grow from %.0f to %.0f", name, before, after)
		}
	}
	t.Logf("%d answers at %d a second, p99 %v; %d runs, %d kills", len(answers), rate, quantile(answers, 0.99), runs, kills)
}

// held reads what a process holds, its memory in KiB.
func held(t *testing.T, pid int) (x sample) {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		if value, ok := strings.CutPrefix(in.Text(), "VmRSS:"); ok {
			fmt.Sscan(value, &x.rss)
		}
	}
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(files) == 0 || x.rss == 0 {
		t.Fatalf("process %d holds %+v (%v)", pid, x, err)
	}
	x.files = float64(len(files))
	return x
}

// middle is the median.
func middle(list []sample, of func(sample) float64) float64 {
	if len(list) == 0 {
		return 0
	}
	var all []float64
	for _, x := range list {
		all = append(all, of(x))
	}
	slices.Sort(all)
	return all[len(all)/2]
}
