package stream

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// TextTopics is how many topics Texts are about.
const TextTopics = 8

// Texts makes short texts of an open vocabulary: words that all use, with a long
// tail so that new ones never end, and words of a topic. Its exported fields may be
// changed between texts.
type Texts struct {
	// Repeat is the chance that a text is about what the one before was about.
	Repeat float64
	// Mix has the weight of each topic; nil where all are alike.
	Mix []float64
	// Slang is the share of words that are of a slang of 40 words, which nobody used
	// before.
	Slang float64

	r          *rand.Rand
	tail, word *rand.Zipf
	topic      int
}

// NewTexts begins a stream of texts.
func NewTexts(seed uint64) *Texts {
	r := rand.New(rand.NewPCG(seed, 31))
	return &Texts{r: r, tail: rand.NewZipf(r, 1.25, 3, 1<<40), word: rand.NewZipf(r, 1.5, 5, 150), topic: r.IntN(TextTopics)}
}

// Next makes a text of 4 to 30 words. One in six names somebody new, one to three
// times.
func (t *Texts) Next() string {
	if t.r.Float64() >= t.Repeat {
		t.topic = t.draw()
	}
	var b strings.Builder
	for range 4 + t.r.IntN(27) {
		switch u := t.r.Float64(); {
		case u < t.Slang:
			fmt.Fprintf(&b, "slang%d ", t.r.IntN(40))
		case u < t.Slang+0.6*(1-t.Slang):
			fmt.Fprintf(&b, "all%d ", t.tail.Uint64())
		default:
			fmt.Fprintf(&b, "t%dw%d ", t.topic, t.word.Uint64())
		}
	}
	if t.r.IntN(6) == 0 {
		name := fmt.Sprintf("name%d ", t.r.Uint64())
		b.WriteString(strings.Repeat(name, 1+t.r.IntN(3)))
	}
	return b.String()
}

func (t *Texts) draw() int {
	sum := 0.0
	for _, w := range t.Mix {
		sum += w
	}
	if sum == 0 {
		return t.r.IntN(TextTopics)
	}
	at := sum * t.r.Float64()
	for k, w := range t.Mix {
		if at -= w; at < 0 {
			return k
		}
	}
	return len(t.Mix) - 1
}
