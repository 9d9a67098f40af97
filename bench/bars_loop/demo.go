package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"

	"hone/bench/bar"
)

// ending is what the demo says at its end.
type ending struct {
	Event     string             `json:"event"`
	OK        bool               `json:"ok"`
	Why       string             `json:"why"`
	Machinery float64            `json:"machinery_seconds"`
	Took      map[string]float64 `json:"took_seconds"`
	Trigger   float64            `json:"first_label_to_trigger_seconds"`
	End       float64            `json:"first_label_to_end_seconds"`
}

// demoMachinery is how long the loop itself works, from drift to promotion, in
// three plays of the demo.
func demoMachinery(b *bar.Bench) error {
	const plays = 3
	series := map[string][]float64{}
	for range plays {
		e, err := play(b.Hone)
		if err != nil {
			return err
		}
		if !e.OK {
			return fmt.Errorf("the demo did not end as it should: %s", e.Why)
		}
		add := func(name string, x float64) { series[name] = append(series[name], x) }
		add("machinery", e.Machinery)
		add("first_label_to_trigger", e.Trigger)
		add("first_label_to_end", e.End)
		for state, seconds := range e.Took {
			add(state, seconds)
		}
	}
	for name, samples := range series {
		b.Keep(name, "s", samples...)
	}
	return nil
}

func play(program string) (ending, error) {
	var errOut bytes.Buffer
	cmd := exec.Command(program, "demo", "--once", "--json")
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	scan := bufio.NewScanner(bytes.NewReader(out))
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		var e ending
		if json.Unmarshal(scan.Bytes(), &e) == nil && e.Event == "end" {
			return e, nil
		}
	}
	return ending{}, errors.Join(fmt.Errorf("the demo told no end: %.500s", errOut.String()), err)
}
