package main

import (
	"fmt"

	"hone/bench/bar"
)

const (
	features = 20
	callers  = 8
	distinct = 64 // Different rows.
)

// requestCost is what a request of one row costs `hone serve`, predictions
// logged, in three forms, and what it costs a peer beside it.
func requestCost(b *bench) error {
	w := newWorld(features)
	path, err := config(b.work, w, "buffered", "bench")
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
	const infer, predict = "/v2/models/bench/infer", "/api/v1/models/bench/predict"
	forms := map[string][][]byte{
		"named":  many(distinct, func() []byte { return bar.Post(infer, w.named(1)) }),
		"matrix": many(distinct, func() []byte { return bar.Post(infer, w.matrix(1)) }),
		"short":  many(distinct, func() []byte { return bar.Post(predict, w.short()) }),
	}
	if err := b.forms(s, forms); err != nil {
		return err
	}
	return b.peer(s, forms["matrix"])
}

// forms measures the forms in turn, so that what slows the machine slows all.
func (b *bench) forms(s *server, forms map[string][][]byte) error {
	const rounds, warm, total = 7, 5_000, 20_000
	costs := map[string][]float64{}
	var rates, alone []float64
	for round := range rounds + 1 {
		for name, requests := range forms {
			n := total
			if round == 0 {
				n = warm
			}
			got, err := fire(s.Process, s.addr, requests, callers, n)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if round == 0 {
				continue
			}
			costs[name] = append(costs[name], got.micros())
			if name == "named" {
				rates = append(rates, float64(got.n)/got.wall.Seconds())
			}
		}
		if round == 0 || round%2 == 0 {
			continue
		}
		got, err := fire(s.Process, s.addr, forms["named"], 1, total/4)
		if err != nil {
			return err
		}
		alone = append(alone, got.micros())
	}
	for name, samples := range costs {
		b.keep(name, "µs", samples...)
	}
	b.keep("named_one_caller", "µs", alone...)
	b.keep("requests_per_s", "/s", rates...)
	return nil
}
