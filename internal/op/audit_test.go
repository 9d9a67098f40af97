package op_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/audit"
	"hone/internal/op"
)

// table is the events of a store as somebody left them who can write to it.
type table struct {
	op.Records
	events []hone.Event
}

func (b table) Head(context.Context) (int64, string, error) {
	if len(b.events) == 0 {
		return 0, "", nil
	}
	last := b.events[len(b.events)-1]
	return last.Seq, last.Hash, nil
}

func (b table) Events(_ context.Context, after int64, _ string, limit int) ([]hone.Event, error) {
	var out []hone.Event
	for _, e := range b.events {
		if e.Seq > after && len(out) < min(limit, 7) {
			out = append(out, e)
		}
	}
	return out, nil
}

func sealed(n int, actor string) []hone.Event {
	events, prev := make([]hone.Event, n), ""
	for i := range events {
		events[i] = audit.Seal(prev, hone.Event{Seq: int64(i + 1), At: now.Add(time.Duration(i) * time.Minute), Actor: actor, Action: "run.training", Model: "fraud",
			Sentence: fmt.Sprint("fraud trains ", i), Data: json.RawMessage(fmt.Sprintf(`{"n":%d}`, i)), Salt: fmt.Sprint("salt", i)})
		prev = events[i].Hash
	}
	return events
}

func verify(t *testing.T, events []hone.Event, head string) op.Verified {
	t.Helper()
	o, _ := op.Find("audit verify")
	out, err := o.Call(t.Context(), &op.Service{Records: table{events: events}}, op.Caller{Role: op.Viewer}, &op.VerifyIn{Head: head})
	if err != nil {
		t.Fatal(err)
	}
	return out.(op.Verified)
}

// TestTamperedTable tampers with the stored events 10,000 times, where no head
// was kept: each is found but a newest end that is gone as a whole, which only a
// head that was kept elsewhere finds.
func TestTamperedTable(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(17, 18))
	whole := sealed(12, "ada")
	kept := verify(t, whole, "").Keep
	found, ends := 0, 0
	for round := range 10_000 {
		events := slices.Clone(whole)
		what := spoil(r, &events)
		end := len(events) < len(whole) && slices.EqualFunc(events, whole[:len(events)], func(a, b hone.Event) bool { return a.Hash == b.Hash })
		v := verify(t, events, "")
		switch {
		case !v.Whole:
			found++
			continue
		case end:
			ends++
		default:
			t.Fatalf("round %d: %s was not found", round, what)
		}
		if v := verify(t, events, kept); v.Whole {
			t.Fatalf("round %d: %s was not found with a head that was kept", round, what)
		}
	}
	t.Logf("%d found by the chain alone, %d cut ends by the head that was kept", found, ends)
	if found < 7000 || ends == 0 {
		t.Errorf("%d found, %d ends", found, ends)
	}
}

// spoil changes, deletes, reorders, truncates, repeats, swaps payloads, inserts
// or sets a clock back.
func spoil(r *rand.Rand, events *[]hone.Event) string {
	list := *events
	i := r.IntN(len(list))
	j := (i + 1 + r.IntN(len(list)-1)) % len(list)
	switch r.IntN(10) {
	case 0:
		list[i].Actor += "x"
		return "a changed actor"
	case 1:
		list[i].Sentence = list[j].Sentence
		return "another sentence"
	case 2:
		list[i].Data, list[j].Data = list[j].Data, list[i].Data
		return "swapped payloads"
	case 3:
		list[i].Data, list[i].Salt, list[i].DataHash = list[j].Data, list[j].Salt, list[j].DataHash
		return "another's payload with its hash"
	case 4:
		list[i].At = list[i].At.Add(-time.Duration(1+r.IntN(1000)) * time.Hour)
		return "a clock set back"
	case 5:
		*events = slices.Delete(list, i, i+1)
		return fmt.Sprintf("deletion of event %d", i+1)
	case 6:
		*events = list[:i]
		return fmt.Sprintf("truncation to %d", i)
	case 7:
		list[i], list[j] = list[j], list[i]
		list[i].Seq, list[j].Seq = list[j].Seq, list[i].Seq
		return "reordering under the old numbers"
	case 8: // One more, sealed onto its place, with the later ones moved up.
		prev := ""
		if i > 0 {
			prev = list[i-1].Hash
		}
		*events = slices.Insert(list, i, audit.Seal(prev, hone.Event{Seq: int64(i + 1), At: now, Actor: "eve", Action: "approved"}))
		for k := i + 1; k < len(*events); k++ {
			(*events)[k].Seq++
		}
		return "an inserted event"
	}
	list[i].Actor = "eve" // Sealed again, as who knows how would, but not those after it.
	prev := ""
	if i > 0 {
		prev = list[i-1].Hash
	}
	if list[i] = audit.Seal(prev, list[i]); i == len(list)-1 {
		*events = append(list, hone.Event{Seq: int64(len(list) + 1), Prev: "x"})
	}
	return "a change that was sealed again"
}

// TestReplacedLog writes the whole log anew, whole in itself: only a head that
// was kept elsewhere tells.
func TestReplacedLog(t *testing.T) {
	t.Parallel()
	whole, other := sealed(40, "ada"), sealed(60, "eve")
	v := verify(t, whole, "")
	if !v.Whole || v.Keep != "40:"+whole[39].Hash {
		t.Fatalf("%+v", v)
	}
	if v := verify(t, other, ""); !v.Whole {
		t.Errorf("a chain that is whole in itself: %+v", v)
	}
	if got := verify(t, other, v.Keep); got.Whole || !strings.Contains(got.Sentence, "event 40: changed: its hash is not the one that was kept") {
		t.Errorf("the whole log was replaced: %+v", got)
	}
	if got := verify(t, other[:10], v.Keep); got.Whole || !strings.Contains(got.Sentence, "truncated: the chain ends at event 10, and 40 was kept") {
		t.Errorf("a shorter log: %+v", got)
	}
	if got := verify(t, nil, v.Keep); got.Whole {
		t.Errorf("no log: %+v", got)
	}
	more := append(slices.Clone(whole), audit.Seal(whole[39].Hash, hone.Event{Seq: 41, At: now, Actor: "ada", Action: "x"}))
	if got := verify(t, more, v.Keep); !got.Whole || !strings.Contains(got.Sentence, "Event 40 is the one that was kept.") {
		t.Errorf("a log that went on: %+v", got)
	}
	for _, bad := range []string{"40", "40:", ":" + whole[39].Hash, "0:" + whole[39].Hash, "-1:" + whole[39].Hash, "40:" + whole[39].Hash[:12], "40:" + strings.ToUpper(whole[39].Hash), "x:y", "../40:" + whole[39].Hash} {
		o, _ := op.Find("audit verify")
		_, err := o.Call(t.Context(), &op.Service{Records: table{events: whole}}, op.Caller{Role: op.Viewer}, &op.VerifyIn{Head: bad})
		refused(t, bad, err, hone.Invalid)
	}
}

// TestTamperedExport changes an export at random, line by line and byte by byte,
// 10,000 times: it no longer verifies by the head that was kept, unless it says
// what it said.
func TestTamperedExport(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(19, 20))
	whole := sealed(8, "ada")
	head := audit.Head{Seq: 8, Hash: whole[7].Hash}
	var b bytes.Buffer
	if err := audit.Export(&b, table{events: whole}.all()); err != nil {
		t.Fatal(err)
	}
	text := b.Bytes()
	lines := bytes.SplitAfter(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	for round := range 10_000 {
		list := slices.Clone(lines)
		i, j := r.IntN(len(list)), r.IntN(len(list))
		var got []byte
		switch r.IntN(5) {
		case 0:
			got = bytes.Join(slices.Delete(list, i, i+1), nil)
		case 1:
			if i == j {
				continue
			}
			list[i], list[j] = list[j], list[i]
			got = bytes.Join(list, []byte("\n"))
		case 2:
			got = bytes.Join(list[:i], nil)
		case 3:
			got = bytes.Join(slices.Insert(list, i, list[j]), []byte("\n"))
		default:
			got = bytes.Clone(text)
			got[r.IntN(len(got))] ^= byte(1 + r.IntN(255))
		}
		if _, err := audit.Verify(audit.Read(bytes.NewReader(got)), head); err == nil && !means(got, whole) {
			t.Fatalf("round %d: not found:\n%s", round, got)
		}
	}
}

func (b table) all() func(func(hone.Event, error) bool) {
	return func(yield func(hone.Event, error) bool) {
		for _, e := range b.events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// means tells whether an export says the same events: a byte may have changed a
// space, or a field's name from one case to the other.
func means(export []byte, want []hone.Event) bool {
	var got []hone.Event
	for e, err := range audit.Read(bytes.NewReader(export)) {
		if err != nil {
			return false
		}
		got = append(got, e)
	}
	return slices.EqualFunc(got, want, func(a, b hone.Event) bool {
		return a.Seq == b.Seq && a.At.Equal(b.At) && a.Actor == b.Actor && a.Action == b.Action && a.Model == b.Model && a.Sentence == b.Sentence && bytes.Equal(a.Data, b.Data) && a.Hash == b.Hash
	})
}
