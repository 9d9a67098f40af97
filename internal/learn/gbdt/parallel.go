package gbdt

import (
	"sync"
	"sync/atomic"
)

// each calls do for every task below n, on so many threads, and returns once all
// are done.
func each(threads, n int, do func(task int)) {
	threads = min(threads, n)
	if threads < 2 {
		for task := range n {
			do(task)
		}
		return
	}
	var next atomic.Int64
	var done sync.WaitGroup
	for range threads {
		done.Go(func() {
			for task := int(next.Add(1)) - 1; task < n; task = int(next.Add(1)) - 1 {
				do(task)
			}
		})
	}
	done.Wait()
}

// blocked calls do for rows [from, to) of n, blockSize at a time, and returns the sum of
// what it gives in the order of the blocks: the same for any number of threads.
func blocked(threads, n int, do func(from, to int) (float64, float64)) (a, b float64) {
	const blockSize = 8192
	parts := make([][2]float64, (n+blockSize-1)/blockSize)
	each(threads, len(parts), func(task int) {
		parts[task][0], parts[task][1] = do(task*blockSize, min((task+1)*blockSize, n))
	})
	for _, p := range parts {
		a += p[0]
		b += p[1]
	}
	return a, b
}
