package trigger_test

import (
	"reflect"
	"testing"
	"time"

	"hone"
	"hone/internal/trigger"
)

func TestIncident(t *testing.T) {
	t.Parallel()
	drift := trigger.Alarm{Name: "drift", Sentence: "3 of 5 features drifted"}
	worse := trigger.Alarm{Name: "drift", Sentence: "5 of 5 features drifted"}
	auc := trigger.Alarm{Name: "auc", Sentence: "auc is at most 0.7, surely under 0.8"}
	var last *hone.Incident
	look := func(hours int, came string, alarms ...trigger.Alarm) {
		t.Helper()
		var got string
		if last, got = trigger.Incident("fraud", last, alarms, start.Add(time.Duration(hours)*time.Hour), 5*time.Hour); got != came {
			t.Errorf("hour %d: %q, want %q: %+v", hours, got, came, last)
		}
	}
	look(0, "")
	look(1, trigger.Opened, drift)
	look(2, "", worse)
	look(3, trigger.Joined, worse, auc)
	look(4, "")
	look(5, "", auc) // One calm look is not enough.
	look(6, "")
	if want := []string{"drift: 3 of 5 features drifted", "auc: auc is at most 0.7, surely under 0.8"}; !reflect.DeepEqual(last.Causes, want) {
		t.Errorf("causes %q", last.Causes)
	}
	look(7, trigger.Ended)
	if last.Sentence != "The incident of fraud is over after 6h: 3 of 5 features drifted, and 1 more alarm." || !last.Closed.Equal(start.Add(7*time.Hour)) {
		t.Errorf("got %+v", last)
	}
	look(8, trigger.Opened, auc) // Seven hours after the last was opened.
	look(9, "")
	look(10, trigger.Ended)
	look(11, "", auc) // Within the gap of five.
	look(12, "", auc)
	look(13, trigger.Opened, auc)
}

func TestAlarms(t *testing.T) {
	t.Parallel()
	limit := 0.8
	m := model(hone.Trigger{All: hone.Triggers{{DataVolume: 1e6}, {Performance: &hone.Performance{Metric: "auc", Below: &limit}}}})
	f := func(want []trigger.Alarm, signals ...hone.Signal) {
		t.Helper()
		if got := trigger.Alarms(m, signals); !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	f(nil)
	f(nil, hone.Signal{Name: "auc", Value: 0.75, Lower: 0.7, Upper: 0.82, N: 500})
	f([]trigger.Alarm{{Name: "auc", Sentence: "auc is at most 0.79, surely under 0.8"}}, hone.Signal{Name: "auc", Value: 0.75, Lower: 0.7, Upper: 0.79, N: 500})
}

// A look at which what is done about an alarm has changed is told; other numbers
// are not.
func TestIncidentIsMeasured(t *testing.T) {
	t.Parallel()
	drift := func(said string) []trigger.Alarm { return []trigger.Alarm{{Name: "drift", Sentence: said}} }
	last, came := trigger.Incident("fraud", nil, drift("PSI 0.4 on amount → loss not known yet → none"), start, time.Hour)
	look := func(said, want, cause string) {
		t.Helper()
		if last, came = trigger.Incident("fraud", last, drift(said), start.Add(time.Minute), time.Hour); came != want || last.Causes[0] != cause {
			t.Errorf("%q: %q, want %q: %q", said, came, want, last.Causes)
		}
	}
	look("PSI 0.5 on amount → loss not known yet → none", "", "drift: PSI 0.4 on amount → loss not known yet → none")
	look("PSI 0.5 on amount → loss 0.0 ± 0.3 → no action", trigger.Measured, "drift: PSI 0.5 on amount → loss 0.0 ± 0.3 → no action")
	look("PSI 0.6 on amount → loss 0.0 ± 0.2 → no action", "", "drift: PSI 0.5 on amount → loss 0.0 ± 0.3 → no action")
	if want := "fraud has an incident: PSI 0.5 on amount → loss 0.0 ± 0.3 → no action."; last.Sentence != want {
		t.Errorf("got %q", last.Sentence)
	}
}

func TestTrafficAlarm(t *testing.T) {
	t.Parallel()
	silent := hone.Signal{Name: "traffic.silent", Value: 54_000, Upper: 50_400}
	if got := trigger.Alarms(model(), []hone.Signal{silent}); len(got) != 1 || got[0].Name != "traffic" || got[0].Sentence != "no data: predictions have not come for 15h" {
		t.Errorf("got %+v", got)
	}
	silent.Value = 50_000
	if got := trigger.Alarms(model(), []hone.Signal{silent}); got != nil {
		t.Errorf("got %+v", got)
	}
}
