package spool_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"hone"
	"hone/internal/clock"
	"hone/internal/fault/power"
	"hone/internal/spool"
)

// noting is a log that notes on a tape what it has stored, as if it were on disk.
type noting struct {
	*log
	tape *power.Tape
}

func (n noting) AppendPredictions(ctx context.Context, model string, ps []hone.Prediction) (int, error) {
	stored, err := n.log.AppendPredictions(ctx, model, ps)
	for _, p := range ps {
		n.tape.Note("drained " + string(p.ID))
	}
	return stored, err
}

func (n noting) AppendShadows(ctx context.Context, model string, list []hone.ShadowScore) error {
	err := n.log.AppendShadows(ctx, model, list)
	for _, s := range list {
		n.tape.Note("scored " + string(s.ID))
	}
	return err
}

// TestPowerCut lets the power go at any moment of a gateway's life and of the
// draining beside it: what was acknowledged comes out once, and an ejection is
// told again.
func TestPowerCut(t *testing.T) {
	data := t.TempDir()
	tape, err := power.Record(data)
	if err != nil {
		t.Fatal(err)
	}
	sink := noting{newLog(), tape}
	side := spool.NewDrain(spool.DrainOptions{Data: data, Sink: sink, Clock: clock.System{}, Log: slog.New(slog.DiscardHandler),
		Ejected: func(context.Context, spool.Ejection) error { return nil }})
	next := 0
	life := func(draining bool) {
		s, err := spool.Open(data, "gw1", spool.Options{Clock: clock.System{}, Log: slog.New(slog.DiscardHandler), Limit: 16 << 10})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 6 {
			for j := range 5 {
				tape.Note(fmt.Sprintf("sent gw1-%06d", next+j))
			}
			put(t, s, next, 5)
			for j := range 5 {
				tape.Note(fmt.Sprintf("kept gw1-%06d", next+j))
			}
			putScores(t, s, next, 1)
			tape.Note(fmt.Sprintf("known gw1-%06d", next))
			next += 5
			if i == 2 {
				if err := s.Eject(spool.Ejection{Model: "fraud", Version: "v3", Token: int64(next), Why: "slow"}); err != nil {
					t.Fatal(err)
				}
				tape.Note(fmt.Sprint("ejected ", next))
			}
			if draining && i%2 == 1 {
				drain(t, side)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	life(false)
	life(true)
	life(true)
	if err := tape.Stop(); err != nil {
		t.Fatal(err)
	}
	tape.Cuts(t, 500, 10_000, drained)
}

// drained opens the gateway again, lets it serve some more, and drains all.
func drained(_ *testing.T, data string, notes []string) error {
	l := newLog()
	sent, kept, known, ejected := map[string]bool{}, map[string]bool{}, map[string]bool{}, ""
	for _, note := range notes {
		what, id, _ := strings.Cut(note, " ")
		switch what {
		case "sent":
			sent[id] = true
		case "kept":
			kept[id] = true
		case "known":
			known[id] = true
		case "ejected":
			ejected = id
		case "drained":
			l.known[hone.PredictionID(id)] = true
		case "scored":
			s := scores(0, 1)[0]
			s.ID, s.Seq = hone.PredictionID(id), int64(len(l.shadows)+1)
			l.shadows = append(l.shadows, s)
		}
	}
	s, err := spool.Open(data, "gw1", spool.Options{Clock: clock.System{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.AppendPredictions(context.Background(), "fraud", served(9000, 3)); err != nil {
		return err
	}
	told := ""
	d := drainOf(data, l, func(e spool.Ejection) error { told = fmt.Sprint(e.Token); return nil })
	if err := errors.Join(d.Once(context.Background()), d.Once(context.Background())); err != nil {
		return err
	}
	for id := range kept {
		if !l.known[hone.PredictionID(id)] {
			return fmt.Errorf("%s was acknowledged and is lost", id)
		}
	}
	if !l.known["gw1-009002"] {
		return errors.New("what was served after the cut is lost")
	}
	for _, p := range l.predictions {
		if !sent[string(p.ID)] && !strings.HasPrefix(string(p.ID), "gw1-009") {
			return fmt.Errorf("%s was never sent", p.ID)
		}
	}
	seen := map[hone.PredictionID]bool{}
	for _, s := range l.shadows {
		if seen[s.ID] {
			return fmt.Errorf("the score of %s is stored twice", s.ID)
		}
		seen[s.ID] = true
	}
	for id := range known {
		if !seen[hone.PredictionID(id)] {
			return fmt.Errorf("the score of %s was acknowledged and is lost", id)
		}
	}
	if ejected != "" && told < ejected && len(told) <= len(ejected) {
		return fmt.Errorf("the ejection under plan %s is lost; told was %q", ejected, told)
	}
	if damaged, _ := filepath.Glob(filepath.Join(spool.Folder(data), "gw1", "*.damaged")); len(damaged) > 0 {
		return fmt.Errorf("%v is taken for damaged", damaged)
	}
	return nil
}
