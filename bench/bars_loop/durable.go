package main

import (
	"hone/bench/bar"
	"hone/bench/rig"
)

// durableRate is how many predictions a second come back stored, in batches of
// 1,000 rows from two callers.
func durableRate(b *bar.Bench) error {
	w := rig.NewWorld(features)
	path, err := rig.Config(b.Work, w, "durable", "bench")
	if err != nil {
		return err
	}
	s, err := rig.Serve(b.Hone, b.Work, path)
	if err != nil {
		return err
	}
	defer s.Stop()
	if err := s.Teach("bench", w, 0, rig.HistoryRows); err != nil {
		return err
	}
	if err := s.Ready("bench"); err != nil {
		return err
	}
	const batch, rounds, warm, total = 1000, 5, 20, 80
	forms := []struct {
		name     string
		requests [][]byte
	}{
		{"named", rig.Many(16, func() []byte { return bar.Post("/v2/models/bench/infer", w.Named(batch)) })},
		{"matrix", rig.Many(16, func() []byte { return bar.Post("/v2/models/bench/infer", w.Matrix(batch)) })},
	}
	rates, costs := map[string][]float64{}, map[string][]float64{}
	for round := range rounds + 1 {
		for _, f := range forms {
			n := total
			if round == 0 {
				n = warm
			}
			got, err := rig.Fire(s.Process, s.Addr, f.requests, 4, n)
			if err != nil {
				return err
			}
			if round == 0 {
				continue
			}
			rates[f.name] = append(rates[f.name], float64(n*batch)/got.Wall.Seconds())
			costs[f.name] = append(costs[f.name], got.Micros()/batch)
		}
	}
	for _, f := range forms {
		b.Keep(f.name, "/s", rates[f.name]...)
		b.Keep(f.name+"_cpu", "µs a row", costs[f.name]...)
	}
	return nil
}
