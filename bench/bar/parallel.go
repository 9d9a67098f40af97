package bar

import (
	"runtime"
	"sync"
)

// Parallel does n things on all cores, and returns once all are done.
func Parallel(n int, do func(i int)) {
	var wait sync.WaitGroup
	cores := runtime.GOMAXPROCS(0)
	for core := range cores {
		wait.Go(func() {
			for i := core; i < n; i += cores {
				do(i)
			}
		})
	}
	wait.Wait()
}
