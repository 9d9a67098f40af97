package main

import "hone/bench/bar"

// durableRate is how many predictions a second come back stored, in batches of
// 1,000 rows from two callers.
func durableRate(b *bench) error {
	w := newWorld(features)
	path, err := config(b.work, w, "durable", "bench")
	if err != nil {
		return err
	}
	s, err := serve(b, b.work, path)
	if err != nil {
		return err
	}
	defer s.Stop()
	if err := s.teach("bench", w, historyRows); err != nil {
		return err
	}
	if err := s.ready("bench"); err != nil {
		return err
	}
	const batch, rounds, warm, total = 1000, 5, 20, 80
	forms := []struct {
		name     string
		requests [][]byte
	}{
		{"named", many(16, func() []byte { return bar.Post("/v2/models/bench/infer", w.named(batch)) })},
		{"matrix", many(16, func() []byte { return bar.Post("/v2/models/bench/infer", w.matrix(batch)) })},
	}
	rates, costs := map[string][]float64{}, map[string][]float64{}
	for round := range rounds + 1 {
		for _, f := range forms {
			n := total
			if round == 0 {
				n = warm
			}
			got, err := fire(s.Process, s.addr, f.requests, 4, n)
			if err != nil {
				return err
			}
			if round == 0 {
				continue
			}
			rates[f.name] = append(rates[f.name], float64(n*batch)/got.wall.Seconds())
			costs[f.name] = append(costs[f.name], got.micros()/batch)
		}
	}
	for _, f := range forms {
		b.keep(f.name, "/s", rates[f.name]...)
		b.keep(f.name+"_cpu", "µs a row", costs[f.name]...)
	}
	return nil
}
