package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/store"
)

func announce(t *testing.T, db *store.DB, id string, at time.Time, pending bool) bool {
	t.Helper()
	fresh, err := db.ReceiveEvent(context.Background(), hone.CloudEvent{
		Model: "fraud", Source: "/catalogue", ID: id, Type: "com.acme.changed", Subject: "eu", Time: at, Received: at, By: "ada", Pending: pending,
		Data: []byte(`{"rows": 3}`)}, hone.Event{Actor: "ada", Action: "event.received", Model: "fraud", Sentence: "It changed."})
	if err != nil {
		t.Fatal(err)
	}
	return fresh
}

func TestInbox(t *testing.T) {
	t.Parallel()
	ctx, dir := context.Background(), t.TempDir()
	db := open(t, dir, store.Options{Clock: clock.NewFake(noon)})
	for i, c := range []struct {
		id      string
		pending bool
		fresh   bool
	}{{"1", true, true}, {"2", true, true}, {"1", true, false}, {"3", false, true}, {"3", false, false}} {
		if fresh := announce(t, db, c.id, noon, c.pending); fresh != c.fresh {
			t.Errorf("announcement %d: fresh %v", i, fresh)
		}
	}
	if events, err := db.Events(ctx, 0, "fraud", 100); err != nil || len(events) != 2 {
		t.Errorf("%d audit events, %v; want one for each that waits", len(events), err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir, store.Options{Clock: clock.NewFake(noon)}) // What waits survives.
	waiting, err := db.PendingEvents(ctx, "fraud")
	if err != nil || len(waiting) != 2 || waiting[0].ID != "2" || waiting[1].Subject != "eu" || !waiting[1].Received.Equal(noon) || waiting[0].By != "ada" {
		t.Fatalf("got %+v, %v", waiting, err)
	}
	announce(t, db, "4", noon, true)
	run := hone.Run{ID: "fraud-1", Model: "fraud", State: hone.Collecting}
	// A run that is refused answers nothing.
	if _, err := db.Commit(ctx, db.Fence()-1, hone.Change{Run: &run, Answered: waiting[0].Seq}); err == nil {
		t.Error("an old fence must not answer")
	}
	commit(t, db, hone.Change{Run: &run, Answered: waiting[0].Seq, Event: hone.Event{Action: "run.collecting", Model: "fraud"}})
	if waiting, err = db.PendingEvents(ctx, "fraud"); err != nil || len(waiting) != 1 || waiting[0].ID != "4" {
		t.Errorf("what came later waits on: %+v, %v", waiting, err)
	}
	if other, err := db.PendingEvents(ctx, "churn"); err != nil || len(other) != 0 {
		t.Errorf("got %+v, %v", other, err)
	}
	// Answered ones are known for 30 days, those that wait for as long as they do.
	late := noon.Add(30*24*time.Hour + time.Second)
	if announce(t, db, "9", late, false); !announce(t, db, "1", late, true) || announce(t, db, "4", late, true) {
		t.Error("an answered event is forgotten after 30 days, one that waits never is")
	}
}

func TestInboxIsBounded(t *testing.T) {
	t.Parallel()
	db := open(t, t.TempDir(), store.Options{Clock: clock.NewFake(noon)})
	for i := range 1000 {
		announce(t, db, fmt.Sprint(i), noon, true)
	}
	_, err := db.ReceiveEvent(context.Background(), hone.CloudEvent{Model: "fraud", ID: "x", Pending: true}, hone.Event{})
	wantCode(t, err, hone.Overloaded)
	if waiting, err := db.PendingEvents(context.Background(), "fraud"); err != nil || len(waiting) != 1000 {
		t.Errorf("%d wait, %v", len(waiting), err)
	}
}

func TestIncidents(t *testing.T) {
	t.Parallel()
	db := open(t, t.TempDir(), store.Options{Clock: clock.NewFake(noon)})
	i := hone.Incident{ID: "a", Model: "fraud", Opened: noon, Causes: []string{"drift: all"}}
	commit(t, db, hone.Change{Incident: &i, Event: hone.Event{Action: "incident.opened"}})
	second := hone.Incident{ID: "b", Model: "fraud", Opened: noon.Add(time.Hour)}
	commit(t, db, hone.Change{Incident: &second, Event: hone.Event{Action: "incident.opened"}})
	i.Closed = noon.Add(2 * time.Hour)
	commit(t, db, hone.Change{Incident: &i, Event: hone.Event{Action: "incident.closed"}})
	got, err := db.Incidents(context.Background(), "fraud", 10)
	if err != nil || len(got) != 2 || got[0].ID != "b" || got[1].Closed.IsZero() || got[1].Causes[0] != "drift: all" {
		t.Errorf("got %+v, %v", got, err)
	}
}
