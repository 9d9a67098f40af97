package op_test

import (
	"testing"

	"hone"
	"hone/internal/op"
)

func TestEventWithoutATrigger(t *testing.T) {
	t.Parallel()
	a := start(t)
	in := &op.EventIn{Model: "fraud", ID: "1", Source: "/catalogue", Type: "com.acme.changed"}
	if out := must[op.EventOut](t, a, "event", in); out.Pending || out.Repeated || out.Sentence != "1 is noted; no trigger of fraud waits for it." {
		t.Errorf("got %+v", out)
	}
	if out := must[op.EventOut](t, a, "event", in); !out.Repeated {
		t.Errorf("got %+v", out)
	}
	if out := must[op.EventOut](t, a, "event", &op.EventIn{Model: "fraud", Type: "t"}); out.ID == "" || out.Repeated {
		t.Errorf("got %+v", out)
	}
	if _, err := call[op.EventOut](t, a, "event", &op.EventIn{Model: "nobody", Type: "t"}); !coded(err, hone.NotFound) {
		t.Errorf("got %v", err)
	}
	if out := must[op.IncidentList](t, a, "incidents", &op.ListIn{Model: "fraud"}); len(out.Incidents) != 0 {
		t.Errorf("got %+v", out)
	}
	if _, err := call[op.IncidentList](t, a, "incidents", &op.ListIn{Model: "nobody"}); !coded(err, hone.NotFound) {
		t.Errorf("got %v", err)
	}
}

func coded(err error, want hone.Code) bool {
	e, ok := hone.AsError(err)
	return ok && e.Code == want
}
