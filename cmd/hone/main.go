// Command hone keeps machine-learning models from going stale: it serves them,
// and retrains them when that is worth its price. All it does is left to app.
package main

import (
	"os"
	_ "time/tzdata" // Schedules have time zones where the machine has none.

	"hone/internal/app"
)

func main() { os.Exit(app.Main(os.Args[1:])) }
