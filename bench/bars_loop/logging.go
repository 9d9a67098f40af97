package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"hone/bench/bar"
	"hone/bench/rig"
)

// loggingCost is the share of a request that storing its prediction takes: two
// servers of the same parts, one of which drops what it would store, in nine
// interleaved pairs.
func loggingCost(b *bar.Bench) error {
	w := rig.NewWorld(features)
	logged, err := startParts(b, true)
	if err != nil {
		return err
	}
	defer logged.Stop()
	unlogged, err := startParts(b, false)
	if err != nil {
		return err
	}
	defer unlogged.Stop()
	requests := rig.Many(distinct, func() []byte { return bar.Post("/v2/models/bench/infer", w.Named(1)) })
	const pairs, total = 9, 15_000
	var with, without, share, added []float64
	for i := range pairs + 1 {
		// Who begins alternates, so that a trend of the machine favours neither.
		order := []*rig.Server{logged, unlogged}
		if i%2 == 1 {
			order = []*rig.Server{unlogged, logged}
		}
		cost := map[*rig.Server]float64{}
		for _, s := range order {
			got, err := rig.Fire(s.Process, s.Addr, requests, callers, total)
			if err != nil {
				return err
			}
			cost[s] = got.Micros()
		}
		if i == 0 {
			continue // Warming up.
		}
		with, without = append(with, cost[logged]), append(without, cost[unlogged])
		share = append(share, 100*(1-cost[unlogged]/cost[logged]))
		added = append(added, 100*(cost[logged]/cost[unlogged]-1))
	}
	b.Keep("logged", "µs", with...)
	b.Keep("unlogged", "µs", without...)
	b.Keep("share", "%", share...)
	b.Keep("over_unlogged", "%", added...)
	return nil
}

// startParts starts this program as a server of parts.
func startParts(b *bar.Bench, logged bool) (*rig.Server, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(b.Work, "logged-"+strconv.FormatBool(logged))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	p, err := bar.Start(dir, "parts", program, "parts", "--dir", dir, "--logged="+strconv.FormatBool(logged))
	if err != nil {
		return nil, err
	}
	s := &rig.Server{Process: p}
	err = p.Until(time.Minute, "the server of parts answers", func() bool {
		text, err := os.ReadFile(filepath.Join(dir, "address"))
		s.Addr = strings.TrimSpace(string(text))
		return err == nil && s.Addr != "" && s.OK("/v2/models/bench/ready")
	})
	if err != nil {
		p.Stop()
		return nil, err
	}
	return s, nil
}
