package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/audit"
)

func chain(n int) []hone.Event {
	events, prev := make([]hone.Event, n), ""
	for i := range events {
		events[i] = audit.Seal(prev, hone.Event{
			Seq: int64(i + 1), At: time.Date(2026, 3, 1, 0, 0, i, 7*i, time.FixedZone("x", 3600)), Actor: "ada",
			Action: "run.training", Model: "fraud", Run: hone.RunID(fmt.Sprintf("fraud-%d", i)), Version: "v3",
			Sentence: fmt.Sprintf("fraud trains <%d> & \xff more.", i), Data: json.RawMessage(fmt.Sprintf(`{"n": %d, "t": "<a>"}`, i)),
			Salt: fmt.Sprintf("salt%d", i),
		})
		prev = events[i].Hash
	}
	return events
}

func seq(events []hone.Event) iter.Seq2[hone.Event, error] {
	return func(yield func(hone.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func headOf(events []hone.Event) audit.Head {
	last := events[len(events)-1]
	return audit.Head{Seq: last.Seq, Hash: last.Hash}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	f := func(wantSeq int64, wantWhy string, change func(events []hone.Event) []hone.Event) {
		t.Helper()
		events := chain(20)
		_, err := audit.Verify(seq(change(events)), headOf(chain(20)))
		var broken *audit.Broken
		switch {
		case wantSeq == 0 && err != nil:
			t.Errorf("got %v, want an unbroken chain", err)
		case wantSeq == 0:
		case !errors.As(err, &broken):
			t.Errorf("got %v, want event %d %s", err, wantSeq, wantWhy)
		case broken.Seq != wantSeq || !strings.HasPrefix(broken.Why, wantWhy):
			t.Errorf("got event %d: %s; want event %d %s", broken.Seq, broken.Why, wantSeq, wantWhy)
		}
	}
	f(0, "", func(e []hone.Event) []hone.Event { return e })
	f(0, "", func(e []hone.Event) []hone.Event { return append(e, audit.Seal(e[19].Hash, hone.Event{Seq: 21})) })
	erased := func(e []hone.Event, payloads string) []hone.Event {
		return append(e, audit.Seal(e[19].Hash, hone.Event{Seq: 21, Action: audit.Erased, Data: json.RawMessage(`{"payloads":` + payloads + `}`)}))
	}
	f(0, "", func(e []hone.Event) []hone.Event { e[4].Data = nil; return erased(e, "[5]") })
	f(0, "", func(e []hone.Event) []hone.Event { e[4].Data, e[4].Salt = nil, ""; return erased(e, "[5]") })
	f(5, "changed", func(e []hone.Event) []hone.Event { e[4].Data = nil; return e }) // Nobody says so.
	f(5, "changed", func(e []hone.Event) []hone.Event { e[4].Data = nil; return erased(e, "[6]") })
	f(6, "changed", func(e []hone.Event) []hone.Event { e[4].Data, e[5].Data = nil, nil; return erased(e, "[5]") })
	f(5, "changed", func(e []hone.Event) []hone.Event { e[4].Sentence += "!"; return e })
	f(5, "changed", func(e []hone.Event) []hone.Event { e[4].Data = json.RawMessage(`{}`); return e })
	f(7, "missing", func(e []hone.Event) []hone.Event { return append(e[:6], e[7:]...) })
	f(7, "reordered", func(e []hone.Event) []hone.Event { e[6], e[9] = e[9], e[6]; return e })
	f(7, "reordered", func(e []hone.Event) []hone.Event { return append(e[:7:7], e[6:]...) })
	f(16, "truncated", func(e []hone.Event) []hone.Event { return e[:15] })
	f(1, "truncated", func(e []hone.Event) []hone.Event { return nil })
	f(20, "changed", func(e []hone.Event) []hone.Event {
		e[19].Actor = "eve"
		e[19] = audit.Seal(e[18].Hash, e[19])
		return e
	})
	f(9, "changed", func(e []hone.Event) []hone.Event { e[7].Actor = "eve"; e[7] = audit.Seal(e[6].Hash, e[7]); return e })
}

func TestVerifyPassesErrorsOn(t *testing.T) {
	t.Parallel()
	want := errors.New("disk")
	_, err := audit.Verify(func(yield func(hone.Event, error) bool) { yield(hone.Event{}, want) }, audit.Head{})
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

func TestExportVerifies(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := audit.Export(&b, seq(chain(50))); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Verify(audit.Read(bytes.NewReader(b.Bytes())), headOf(chain(50))); err != nil {
		t.Error(err)
	}
	cut := b.Bytes()[:b.Len()-40]
	if _, err := audit.Verify(audit.Read(bytes.NewReader(cut)), audit.Head{}); err == nil {
		t.Error("an export that ends inside a line verifies")
	}
}

// TestTampering changes one thing at random, 10,000 times, knowing the head.
func TestTampering(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	whole := chain(40)
	for round := range 10_000 {
		events := append([]hone.Event(nil), whole...)
		what := tamper(r, &events)
		if _, err := audit.Verify(seq(events), headOf(whole)); err == nil {
			t.Fatalf("round %d: %s was not found", round, what)
		}
	}
}

func tamper(r *rand.Rand, events *[]hone.Event) string {
	list := *events
	i := r.IntN(len(list))
	e := &list[i]
	texts := []*string{&e.Actor, &e.Action, &e.Model, (*string)(&e.Run), (*string)(&e.Version), &e.Sentence,
		&e.Salt, &e.DataHash, &e.Prev, &e.Hash}
	switch k := r.IntN(len(texts) + 8); k {
	case len(texts):
		e.Seq += int64(1 + r.IntN(3))
	case len(texts) + 1:
		e.At = e.At.Add(time.Duration(1 + r.IntN(1e9)))
	case len(texts) + 2:
		e.Data = append(bytes.Clone(e.Data[:5]), `9}`...)
	case len(texts) + 3:
		*events = append(list[:i], list[i+1:]...)
	case len(texts) + 4:
		j := (i + 1 + r.IntN(len(list)-1)) % len(list)
		list[i], list[j] = list[j], list[i]
	case len(texts) + 5:
		*events = list[:i]
	case len(texts) + 6:
		*events = append(list[:i+1:i+1], list[i:]...)
	case len(texts) + 7:
		e.Data = nil
	default:
		b := []byte(*texts[k])
		if len(b) == 0 {
			b = []byte("x")
		}
		b[r.IntN(len(b))] ^= byte(1 + r.IntN(127))
		*texts[k] = string(b)
	}
	return fmt.Sprintf("tampering with event %d", i+1)
}
