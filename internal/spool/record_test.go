package spool

import (
	"testing"
	"time"

	"hone"
)

// FuzzRecords holds that no bytes make the reader fall over, or make up more
// rows than there is room for.
func FuzzRecords(f *testing.F) {
	at := time.Date(2026, 3, 1, 9, 0, 0, 1000, time.UTC)
	frame := make([]byte, headerBytes)
	frame = appendBytes(frame, appendPredictions(nil, "m", []hone.Prediction{{ID: "a", Time: at, Version: "v1", Features: []byte{1}, Scores: []float64{1}}, {}}))
	frame = appendBytes(frame, appendShadows(nil, "m", []hone.ShadowScore{{ID: "a", Version: "v2", Served: []float64{1, 2}}}))
	f.Add(frame[headerBytes:])
	f.Add([]byte{})
	f.Add([]byte{2, 'p', 0})
	f.Add([]byte{9, 'p', 1, 'm', 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newRows()
		err := r.add(append(make([]byte, headerBytes), b...))
		if n := len(b); r.n > n || err != nil && r.n > 0 {
			t.Errorf("%d rows from %d bytes, %v", r.n, n, err)
		}
	})
}
