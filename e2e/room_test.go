package e2e

import (
	"bytes"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// TestE2ERoom holds that a gateway leaves its garbage room, which costs no memory
// while there is no garbage; and that GOGC has the last word.
func TestE2ERoom(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it starts servers")
	}
	s := prepared(t, "")
	body := []byte(`{"rows":[` + strings.Repeat(`{"features":{"f0":1,"f1":2,"f2":3}},`, 499) + `{"features":{"f0":1,"f1":2,"f2":3}}]}`)
	f := func(gogc string) (collections, idle float64) {
		t.Helper()
		t.Setenv("GOGC", gogc)
		g := newGate(s, "gw1")
		g.start()
		idle = held(t, g.process.Process.Pid).rss
		before := g.metric("go_gc_duration_seconds_count")
		for range 60 {
			res, err := http.Post("http://"+g.listen+"/api/v1/models/m/predict", "application/json", bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Fatalf("got %s", res.Status)
			}
		}
		collections = g.metric("go_gc_duration_seconds_count") - before
		g.end(syscall.SIGTERM)
		return collections, idle
	}
	often, usual := f("100")
	seldom, idle := f("")
	t.Logf("%.0f collections and %.0f KiB idle; as Go has it %.0f and %.0f", seldom, idle, often, usual)
	if seldom > often/3 {
		t.Errorf("got %.0f collections for 30,000 rows, and %.0f without the room", seldom, often)
	}
	if idle > usual+8<<10 {
		t.Errorf("idle, a gateway holds %.0f KiB, and %.0f without the room", idle, usual)
	}
}
