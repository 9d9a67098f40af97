package dataset_test

import (
	"fmt"
	"testing"
	"time"

	"hone"
	"hone/internal/dataset"
)

// past has n rows an hour apart from the first of January on.
func past(n int) []dataset.Row {
	out := make([]dataset.Row, n)
	for i := range out {
		out[i] = dataset.Row{ID: hone.PredictionID(fmt.Sprint("p", i)), Seq: int64(i), Time: newYear.Add(time.Duration(i) * time.Hour), Label: "1"}
	}
	return out
}

var newYear = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func eraModel(eras ...hone.Era) hone.Model {
	return hone.Model{Name: "m", Dataset: hone.DatasetSpec{Eras: eras}}
}

func gather(m hone.Model, rows []dataset.Row, window time.Time) *dataset.Past {
	p := dataset.NewPast(m, window)
	for _, r := range rows {
		p.Add(r)
	}
	return p
}

func untaught(dataset.Row) (candidate, champion bool) { return false, false }

func TestErasOfTheModel(t *testing.T) {
	t.Parallel()
	rows := past(3000) // 125 days.
	newest := rows[len(rows)-1].Time
	january := hone.Era{Name: "january", From: "2026-01-01", To: "2026-01-31", Keep: true}
	lasting := hone.Era{Name: "lasting", From: "2026-05-01", To: "2026-12-31"}
	p := gather(eraModel(january, lasting), rows, newest)
	eras := p.Eras(newest, untaught)
	if len(eras) != 2 || eras[0].Name != "january" || !eras[0].Keep || len(eras[0].Rows) != 372 || len(eras[1].Rows) != 0 {
		t.Fatalf("half of the 744 rows of January, and none of an era that lasts: got %d and %d of %+v", len(eras[0].Rows), len(eras[1].Rows), eras)
	}
	for i, r := range eras[0].Rows {
		if !r.Time.Before(newYear.AddDate(0, 0, 31)) || i > 0 && !r.Time.After(eras[0].Rows[i-1].Time) {
			t.Fatalf("row %d is of %s", i, r.Time)
		}
	}
	// The same rows in another order give the same sample.
	back := dataset.NewPast(eraModel(january, lasting), newest)
	for i := range rows {
		back.Add(rows[len(rows)-1-i])
	}
	again := back.Eras(newest, untaught)
	for i, r := range again[0].Rows {
		if r.ID != eras[0].Rows[i].ID {
			t.Fatalf("row %d is %s, and was %s", i, r.ID, eras[0].Rows[i].ID)
		}
	}
}

// Rows that one version alone was trained on say who was trained on them.
func TestErasAreFair(t *testing.T) {
	t.Parallel()
	rows := past(3000)
	newest := rows[len(rows)-1].Time
	january := hone.Era{Name: "january", From: "2026-01-01", To: "2026-01-31"}
	f := func(name string, seen dataset.Seen, want int, trained bool) {
		t.Helper()
		era := gather(eraModel(january), rows, newest).Eras(newest, seen)[0]
		if len(era.Rows) != want || era.Trained != trained {
			t.Errorf("%s: %d rows, trained %v", name, len(era.Rows), era.Trained)
		}
	}
	f("neither", untaught, 372, false)
	f("both", func(dataset.Row) (bool, bool) { return true, true }, 372, false)
	f("the champion alone", func(dataset.Row) (bool, bool) { return false, true }, 372, true)
	f("the candidate alone", func(dataset.Row) (bool, bool) { return true, false }, 0, false)
	f("the champion on a tenth", func(r dataset.Row) (bool, bool) { return false, r.Seq%10 == 0 }, 329, false)

	window := newYear.AddDate(0, 0, 100)
	eras := gather(eraModel(), rows, window).Eras(newest, untaught)
	if len(eras) != 4 || len(eras[0].Rows) != dataset.EraRows || eras[0].Name != "2026-01-01 to 2026-01-25" {
		t.Errorf("2,400 rows before the window give four eras: %d, %+v", len(eras), eras[0].Era)
	}
	last := eras[3].Rows[len(eras[3].Rows)-1]
	if !last.Time.Before(window) {
		t.Errorf("a row of %s is in the window", last.Time)
	}
	one := gather(eraModel(), rows, window).Eras(newest, func(r dataset.Row) (bool, bool) { return false, r.Seq >= 400 })
	if len(one) != 1 || len(one[0].Rows) != 400 {
		t.Errorf("400 rows that neither was trained on are one era: %d", len(one))
	}
	if none := gather(eraModel(), rows, window).Eras(newest, func(r dataset.Row) (bool, bool) { return false, r.Seq >= 299 }); len(none) != 0 {
		t.Errorf("299 rows are no era: %+v", none)
	}
}

// However many rows there are, an era is sampled evenly, and from as many.
func TestErasOfManyRows(t *testing.T) {
	t.Parallel()
	rows := past(70_000)
	for i := range rows {
		rows[i].Time = newYear.Add(time.Duration(i) * time.Minute)
	}
	window := rows[60_000].Time
	eras := gather(eraModel(), rows, window).Eras(rows[len(rows)-1].Time, untaught)
	if len(eras) != 4 {
		t.Fatalf("got %d eras", len(eras))
	}
	for i, era := range eras {
		if first := era.Rows[0].Seq; len(era.Rows) != dataset.EraRows || first < int64(i)*15_000-1500 || first > int64(i)*15_000+1500 {
			t.Errorf("era %d has %d rows from %d on", i, len(era.Rows), first)
		}
	}
}

// Rows that are held back for an era are neither trained on nor held out, and the
// same ones are asked about.
func TestAssembleHoldsErasBack(t *testing.T) {
	t.Parallel()
	rows := history(t, 2000)
	m := model()
	m.Dataset.Eras = []hone.Era{{Name: "noon", From: rows[0].Time.Format(time.RFC3339), To: rows[800].Time.Format(time.RFC3339)}}
	c := assemble(t, dataset.Need{Model: m}, shuffled(rows, 3))
	mine := map[hone.PredictionID]bool{}
	for _, id := range dataset.Join(c.Train, c.Holdout).IDs {
		mine[id] = true
	}
	if len(mine) != 1600 {
		t.Errorf("%d rows are left of 2,000, less half of 800", len(mine))
	}
	era := gather(m, rows, c.Train.Times[0]).Eras(rows[1999].Time, func(r dataset.Row) (bool, bool) { return mine[r.ID], false })[0]
	if len(era.Rows) != 400 || era.Trained {
		t.Errorf("%d rows of the era are asked about", len(era.Rows))
	}
	labelled, err := era.Labelled(decoder(m))
	if err != nil || labelled.Len() != 400 || labelled.Labels[7] != era.Rows[7].Label {
		t.Errorf("%d rows were decoded: %v", labelled.Len(), err)
	}
	m.Dataset.Eras, m.Dataset.Window = nil, "300"
	if c = assemble(t, dataset.Need{Model: m}, rows); c.Recipe.Older != 1300 {
		t.Errorf("%d rows are older than the window, want 1,300", c.Recipe.Older)
	}
}
