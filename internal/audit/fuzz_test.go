package audit_test

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"hone"
	"hone/internal/audit"
)

func exported(f testing.TB, events []hone.Event) []byte {
	f.Helper()
	var b bytes.Buffer
	if err := audit.Export(&b, seq(events)); err != nil {
		f.Fatal(err)
	}
	return b.Bytes()
}

// FuzzRead: whatever an export holds, reading it ends; what verifies by a head
// that was kept are the events that were kept, and nothing else.
func FuzzRead(f *testing.F) {
	kept := chain(3)
	whole := exported(f, kept)
	f.Add(whole)
	f.Add(whole[:len(whole)-40])
	f.Add(bytes.Replace(whole, []byte(`"n":1`), []byte(`"n":2`), 1))
	f.Add(bytes.Replace(whole, []byte(`"actor":"ada"`), []byte(`"actor":"eve"`), 1))
	f.Add(bytes.ReplaceAll(whole, []byte("\n"), nil))
	f.Add([]byte(`{"seq":9223372036854775807,"at":"9999-12-31T23:59:59Z","data":` + strings.Repeat("[", 100)))
	want := slices.Collect(first(audit.Read(bytes.NewReader(whole))))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := audit.Verify(audit.Read(bytes.NewReader(b)), audit.Head{}); err != nil {
			return
		}
		got := slices.Collect(first(audit.Read(bytes.NewReader(b))))
		if again := exported(t, got); len(got) > 0 {
			if _, err := audit.Verify(audit.Read(bytes.NewReader(again)), headOf(got)); err != nil {
				t.Fatalf("%q verifies, and what it is exported as does not: %v", b, err)
			}
		}
		_, err := audit.Verify(audit.Read(bytes.NewReader(b)), headOf(kept))
		if err == nil && (len(got) < len(want) || !same(got[:len(want)], want)) {
			t.Fatalf("other events verify by the head that was kept: %q", b)
		}
	})
}

// same tells whether events say the same; data may be written with other spaces.
func same(a, b []hone.Event) bool {
	plain := func(list []hone.Event) (out []hone.Event) {
		for i, e := range list {
			prev := ""
			if i > 0 {
				prev = list[i-1].Hash
			}
			out = append(out, audit.Seal(prev, e))
		}
		return out
	}
	return reflect.DeepEqual(plain(a), plain(b))
}

// first drops the errors of a sequence.
func first(events func(func(hone.Event, error) bool)) func(func(hone.Event) bool) {
	return func(yield func(hone.Event) bool) {
		for e, err := range events {
			if err != nil || !yield(e) {
				return
			}
		}
	}
}

// FuzzParseHead: what is read as a head is written as it was.
func FuzzParseHead(f *testing.F) {
	f.Add("41:" + strings.Repeat("0f", 32))
	f.Add("0:" + strings.Repeat("0f", 32))
	f.Add("1:abc")
	f.Add(":::")
	f.Add("-1:" + strings.Repeat("0F", 32))
	f.Fuzz(func(t *testing.T, s string) {
		h, err := audit.ParseHead(s)
		if err != nil {
			if e, ok := hone.AsError(err); !ok || e.Code != hone.Invalid || e.Hint == "" {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		again, err := audit.ParseHead(h.String())
		if err != nil || again != h || h.Seq < 1 || len(h.Hash) != 64 {
			t.Fatalf("%q is read as %v, and that as %v, %v", s, h, again, err)
		}
	})
}
