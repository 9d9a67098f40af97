package backtest

// course is what a policy came to, batch by batch.
type course struct {
	lost []float64 // By the loss, of answers whose label is known.
	off  []float64 // The same of the headline.
	paid []float64 // For trainings and returns, in retrains.
	// turns are the champions that took over, in order; trained and returned count what was
	// paid for, also where nothing came of it.
	turns             []turn
	trained, returned int
}

// turn is a champion that takes over from a row on.
type turn struct {
	row, champion int
	returns       bool // It was there already.
	why           string
}

func newCourse(batches int) course {
	return course{lost: make([]float64, batches), off: make([]float64, batches), paid: make([]float64, batches)}
}

// course of moves between batches.
func (g *Grid) course(moves []Move) course {
	c := newCourse(g.Batches())
	for b, m := range g.live(moves) {
		c.lost[b], c.off[b] = g.Wrong[m][b-m], g.Off[m][b-m]
	}
	for _, m := range moves {
		returns := m.At != m.Champion
		c.paid[m.At] += share(m)
		c.turns = append(c.turns, turn{row: g.at(m.At), champion: m.Champion, returns: returns, why: m.Why})
	}
	c.trained = Trained(moves)
	c.returned = len(moves) - c.trained
	return c
}

// cost is what each batch cost, where a retrain has this price.
func (c *course) cost(price float64) []float64 {
	out := make([]float64, len(c.lost))
	for b := range out {
		out[b] = c.lost[b] + price*c.paid[b]
	}
	return out
}

func sum(xs []float64) (s float64) {
	for _, x := range xs {
		s += x
	}
	return s
}
