package main

import (
	"fmt"

	"hone/bench/bar"
	"hone/bench/rig"
)

const (
	features = 20
	callers  = 8
	distinct = 64 // Different rows.
)

// requestCost is what a request of one row costs `hone serve`, predictions
// logged, in three forms, and what it costs a peer beside it.
func requestCost(b *bar.Bench) error {
	w := rig.NewWorld(features)
	path, err := rig.Config(b.Work, w, "buffered", "bench")
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
	const infer, predict = "/v2/models/bench/infer", "/api/v1/models/bench/predict"
	forms := map[string][][]byte{
		"named":  rig.Many(distinct, func() []byte { return bar.Post(infer, w.Named(1)) }),
		"matrix": rig.Many(distinct, func() []byte { return bar.Post(infer, w.Matrix(1)) }),
		"short":  rig.Many(distinct, func() []byte { return bar.Post(predict, w.Short()) }),
	}
	if err := eachForm(b, s, forms); err != nil {
		return err
	}
	return peer(b, s, forms["matrix"])
}

// eachForm measures the forms in turn, so that what slows the machine slows all.
func eachForm(b *bar.Bench, s *rig.Server, forms map[string][][]byte) error {
	const rounds, warm, total = 7, 5_000, 20_000
	costs := map[string][]float64{}
	var rates, alone []float64
	for round := range rounds + 1 {
		for name, requests := range forms {
			n := total
			if round == 0 {
				n = warm
			}
			got, err := rig.Fire(s.Process, s.Addr, requests, callers, n)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if round == 0 {
				continue
			}
			costs[name] = append(costs[name], got.Micros())
			if name == "named" {
				rates = append(rates, float64(got.N)/got.Wall.Seconds())
			}
		}
		if round == 0 || round%2 == 0 {
			continue
		}
		got, err := rig.Fire(s.Process, s.Addr, forms["named"], 1, total/4)
		if err != nil {
			return err
		}
		alone = append(alone, got.Micros())
	}
	for name, samples := range costs {
		b.Keep(name, "µs", samples...)
	}
	b.Keep("named_one_caller", "µs", alone...)
	b.Keep("requests_per_s", "/s", rates...)
	return nil
}
