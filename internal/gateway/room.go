package gateway

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// room is how many bytes of garbage may gather, at least, before they are collected.
const room = 32 << 20

// LeaveRoom sets the collector of the whole process, for as long as it runs, unless the
// environment does. The collector lets the heap grow to twice what lives; a few MiB live
// in a server, so that it would run every few hundred requests and take a quarter of
// their processor time. Where more lives than the room that is left, nothing changes.
func LeaveRoom() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	// The runtime's least heap grows with the percentage too: 4 MiB at 100.
	const least = 4 << 20
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	var collected func(int)
	collected = func(int) {
		metrics.Read(live)
		debug.SetGCPercent(max(100, int(100*room/max(live[0].Value.Uint64(), least))))
		runtime.AddCleanup(new(*byte), collected, 0) // The next collection takes it.
	}
	collected(0)
}
