package validate_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"hone"
	"hone/internal/validate"
	"hone/internal/validate/world"
)

func TestExplore(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("N"))
	warns, blocks, asks := map[string]int{}, map[string]int{}, map[string]int{}
	bad := 0
	for seed := range n {
		w := world.New(uint64(seed))
		b := false
		for _, c := range validate.Judge(w.Input()) {
			if c.Passed {
				continue
			}
			switch c.Level {
			case hone.Warns:
				warns[c.Rule]++
			case hone.Asks:
				asks[c.Rule]++
				b = true
				fmt.Println(seed, w.Model.Task, c.Rule, c.Sentence)
			default:
				blocks[c.Rule]++
				b = true
				fmt.Println(seed, w.Model.Task, c.Rule, c.Sentence)
			}
		}
		if b {
			bad++
		}
	}
	fmt.Println("clean", n, "bad", bad, "warns", warns, "asks", asks, "blocks", blocks)
	for _, f := range world.Faults {
		if os.Getenv("F") != "" && !strings.Contains(f.Name, os.Getenv("F")) {
			continue
		}
		tried, caught, seen := 0, 0, map[string]int{}
		for seed := range n / 4 {
			w := world.New(uint64(seed) + 1e6)
			if !f.Plant(w) {
				continue
			}
			tried++
			ok := false
			for _, c := range validate.Judge(w.Input()) {
				if !c.Passed {
					seen[c.Rule+"/"+string(c.Level)]++
				}
				ok = ok || !c.Passed && c.Rule == f.Rule
			}
			if ok {
				caught++
			}
		}
		fmt.Println(f.Name, tried, caught, float64(caught)/float64(tried), seen)
	}
}
