package power

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// Cuts lets the power go at random moments of the tape, so many times, or as many
// times as full says with HONE_TEST_LONG=1, and has each folder that a disk may
// hold then checked. The same seed gives the same folder: HONE_POWER_SEED tries
// one again, HONE_POWER_SEEDS=100:200 those from one to before another.
func (t *Tape) Cuts(test *testing.T, sample, full int, check func(t *testing.T, dir string, notes []string) error) {
	test.Helper()
	first, seeds := 1, sample
	if testing.Short() {
		seeds = max(1, sample/5)
	}
	if os.Getenv("HONE_TEST_LONG") != "" {
		seeds = full
	}
	if n, err := strconv.Atoi(os.Getenv("HONE_POWER_SEED")); err == nil {
		first, seeds = n, 1
	}
	var last int
	if n, _ := fmt.Sscanf(os.Getenv("HONE_POWER_SEEDS"), "%d:%d", &first, &last); n == 2 {
		seeds = last - first
	}
	test.Logf("%d moments, %d cuts", t.Len(), seeds)
	const workers = 2
	test.Run("cuts", func(test *testing.T) {
		for w := range workers {
			test.Run(fmt.Sprint(w), func(test *testing.T) {
				test.Parallel()
				for seed := first + w; seed < first+seeds; seed += workers {
					if err := t.cut(test, seed, check); err != nil || test.Failed() {
						test.Fatalf("HONE_POWER_SEED=%d: %v", seed, err)
					}
				}
			})
		}
	})
}

// cut lets the power go once.
func (t *Tape) cut(test *testing.T, seed int, check func(t *testing.T, dir string, notes []string) error) error {
	parent, err := os.MkdirTemp("/dev/shm", "hone-power-")
	if err != nil {
		if parent, err = os.MkdirTemp("", "hone-power-"); err != nil {
			return err
		}
	}
	defer os.RemoveAll(parent)
	dir := filepath.Join(parent, "data")
	r := rand.New(rand.NewPCG(uint64(seed), 0x9047))
	at := r.IntN(t.Len() + 1)
	notes, err := t.Cut(r, at, dir)
	if err == nil {
		err = check(test, dir, notes)
	}
	if err != nil {
		return fmt.Errorf("cut after %d of %d: %w", at, t.Len(), err)
	}
	return nil
}
