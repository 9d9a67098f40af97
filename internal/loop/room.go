package loop

import (
	"fmt"
	"time"

	"hone/internal/say"
)

// slack is by how much sums of costs may be wrong in their last digits.
const slack = 1 + 1e-9

// room is how many of n trials may begin together now, each with so much: as many as are
// let go on at the same time, as long as there is time, and as will not, by what those
// before cost, go above the bound on cost. Where it is 0 the search has ended, and says
// why.
func (h *hunt) room(n int, much float64) int {
	if h.o.Clock.Now().Sub(h.begun) >= time.Duration(h.spec.Time) && h.found.Trials > 0 {
		h.found.Stopped = fmt.Sprintf("its time of %s was over", h.spec.Time)
		return 0
	}
	n = min(n, h.spec.Parallel)
	switch most := h.spec.MaxCost * slack; {
	case most == 0:
		return n
	case h.given == 0:
		return 1 // It shows what one costs.
	default:
		one := h.found.Cost / h.given * much
		for n > 0 && h.found.Cost+float64(n)*one > most {
			n--
		}
		if n == 0 {
			h.found.Stopped = fmt.Sprintf("another trial would cost about %s, and %s of %s are spent", say.Num(one), say.Num(h.found.Cost), say.Num(h.spec.MaxCost))
		}
		return n
	}
}
