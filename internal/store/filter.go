package store

import (
	"context"
	"database/sql"
	"fmt"

	"hone"
)

// filter is a Bloom filter (Bloom, 1970) over the ids in one table of a file
// that no longer changes: ten bits and six probes an id, so that one file in a
// hundred is asked in vain. It spares asking ninety files for every id.
type filter struct{ bits []uint64 }

const (
	bitsPerID = 10
	probes    = 6
)

func newFilter(n int64) *filter { return &filter{make([]uint64, n*bitsPerID/64+1)} }

// at returns the word and the bit of one probe.
func (f *filter) at(h uint64, probe uint64) (word uint64, bit uint64) {
	// Two halves of one hash make all probes (Kirsch and Mitzenmacher, 2006).
	x := (h + probe*(h>>32|1)) % uint64(len(f.bits)*64)
	return x / 64, 1 << (x % 64)
}

func (f *filter) add(id hone.PredictionID) {
	h := hashID(id)
	for k := range uint64(probes) {
		word, bit := f.at(h, k)
		f.bits[word] |= bit
	}
}

func (f *filter) mayHave(id hone.PredictionID) bool {
	h := hashID(id)
	for k := range uint64(probes) {
		if word, bit := f.at(h, k); f.bits[word]&bit == 0 {
			return false
		}
	}
	return true
}

// hashID is FNV-1a, with its bits mixed as in MurmurHash3.
func hashID(id hone.PredictionID) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// possible returns those of the ids that a table may have: all of them while it
// has no filter.
func (t *table) possible(kind int, ids []hone.PredictionID) []hone.PredictionID {
	f := t.filter[kind].Load()
	if f == nil {
		return ids
	}
	var out []hone.PredictionID
	for _, id := range ids {
		if f.mayHave(id) {
			out = append(out, id)
		}
	}
	return out
}

// sift makes filters for the files that are complete, at opening and whenever a
// day ends. Until a filter is there its file is asked.
func (j *journal) sift(ctx context.Context) {
	defer close(j.sifted)
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.dayEnded:
		}
		days := j.hold()
		for _, d := range days[:max(0, len(days)-1)] {
			if err := d.makeFilters(ctx); err != nil && ctx.Err() == nil {
				j.log.Warn("filter not made; lookups in this file are slower", "file", d.path, "error", err)
			}
		}
		j.release(days)
	}
}

func (d *day) makeFilters(ctx context.Context) error {
	for _, model := range d.models() {
		t := d.table(model)
		for kind, column := range map[int]string{predictionTable: "id", feedbackTable: "prediction_id"} {
			_, s, ok := d.of(model, kind)
			if !ok || t.filter[kind].Load() != nil {
				continue
			}
			// Counted, since numbers leap after a restore.
			var rows int64
			count := fmt.Sprintf("SELECT count(*) FROM %s_%d WHERE seq <= ?", tableName[kind], t.id)
			if err := d.read.QueryRowContext(ctx, count, s.last).Scan(&rows); err != nil {
				return err
			}
			f := newFilter(rows)
			query := fmt.Sprintf("SELECT %s FROM %s_%d", column, tableName[kind], t.id)
			err := d.each(ctx, query, func(rows *sql.Rows) error {
				var id hone.PredictionID
				err := rows.Scan(&id)
				f.add(id)
				return err
			})
			if err != nil {
				return err
			}
			t.filter[kind].Store(f)
		}
	}
	return nil
}
