package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

func TestDev(t *testing.T) {
	refs, _ := strconv.Atoi(os.Getenv("REFS"))
	if refs == 0 {
		t.Skip()
	}
	for _, rho := range []float64{0, 0.5} {
		var mu sync.Mutex
		a, l, n, auc := 0, 0, 0, 0.0
		from := time.Now()
		parallel(refs, func(i int) {
			w := newJointWorld(1_000_000+uint64(i), rho)
			rows := w.rows(jointRows, 0.5)
			for range 10 {
				j := together(rows, w.rows(1000, 0.5))
				mu.Lock()
				n++
				auc += j.AUC
				if j.P < 0.001 {
					a++
				}
				if j.P < 0.01 {
					l++
				}
				mu.Unlock()
			}
		})
		fmt.Println("calm", rho, a, l, n, auc/float64(n), time.Since(from))
	}
	for _, c := range []float64{0.5, 0.3, 0.2} {
		var mu sync.Mutex
		s, n, auc, named := 0, 0, 0.0, 0
		parallel(4, func(i int) {
			w := newJointWorld(2_000_000+uint64(i), 0)
			rows := w.rows(jointRows, c)
			for range 5 {
				j := together(rows, w.rows(1000, -c))
				mu.Lock()
				n++
				auc += j.AUC
				if j.Alarm {
					s++
				}
				if len(j.By) > 1 && max(j.By[0].Feature, j.By[1].Feature) == "n01" {
					named++
				}
				mu.Unlock()
			}
		})
		fmt.Println("flip", c, s, named, n, auc/float64(n))
	}
}
