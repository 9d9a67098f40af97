package stat

import "math"

// stakes are the shares of the wealth that the mixture bets on each row.
var stakes = [...]float64{0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8}

// Bets gathers evidence against "the mean is zero or less" one row at a time.
// Its E may be looked at after every row and acted on as soon as it reaches
// 1/alpha: that happens with probability alpha at most, ever, if the mean is
// not above zero. The zero value is ready. Source: I. Waudby-Smith, A. Ramdas,
// J. R. Statist. Soc. B 86 (2024); the stakes are a fixed mixture.
type Bets struct {
	N    int                  `json:"n"`    // Rows added.
	Logs [len(stakes)]float64 `json:"logs"` // Log of the wealth of each stake.
}

// Add takes the evidence of one row, from -1 to 1, such as the loss of the new
// model less that of the old. What lies outside is clipped, and a value that is
// not a number counts as 0.
func (b *Bets) Add(y float64) {
	b.N++
	if math.IsNaN(y) {
		return
	}
	y = max(-1, min(1, y))
	for i, s := range stakes {
		b.Logs[i] += math.Log1p(s * y)
	}
}

// E is the evidence so far, the mean wealth over the stakes: 1 at the start,
// finite always.
func (b *Bets) E() float64 {
	top := b.Logs[0]
	for _, l := range b.Logs {
		top = max(top, l)
	}
	sum := 0.0
	for _, l := range b.Logs {
		sum += math.Exp(l - top)
	}
	return math.Exp(min(700, top)) * sum / float64(len(stakes))
}
