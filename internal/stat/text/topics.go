package text

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"hone/internal/learn/encode"
)

const (
	maxTopics  = 12
	topicRows  = 50   // Texts that a topic is learned on at least, on average.
	maxWords   = 1000 // Words that tell topics apart, the most frequent ones.
	rareWord   = 10   // Texts that a word must stand in, lest it tell of one person.
	named      = 3    // Words that name a topic.
	maxWord    = 40   // Bytes; what is longer is no word that could be read.
	topicTurns = 25
	topicSeed  = 20_260
)

// Topics sort texts by the words that recur, into clusters of texts that share words
// (spherical k-means on words weighed by how rare they are: I. Dhillon, D. Modha,
// Machine Learning 42, 2001). Every text falls into one.
type Topics struct {
	Words []string   `json:"words"` // That tell topics apart.
	Names [][]string `json:"names"` // Words that stand for each topic.
	// Weights has the weight of each word in each topic, topic by topic, in whole
	// numbers, so that a text falls into the same topic on every machine.
	Weights []int8 `json:"weights"`
}

// noTopic is the place of texts without a word that recurs.
const noTopic = "no frequent word"

// newTopics learns topics; nil where texts have too little in common.
func newTopics(texts []string) *Topics {
	k := min(maxTopics, len(texts)/topicRows)
	words, weight := recurring(texts)
	if k = min(k, len(words)/2); k < 2 {
		return nil
	}
	t := &Topics{Words: words}
	rows := vectors(texts, t.index(), weight)
	centres := cluster(rows, len(words), k)
	k = len(centres)
	t.Weights = make([]int8, 0, k*len(words))
	most := 0.0
	for _, c := range centres {
		most = max(most, slices.Max(c))
	}
	for _, c := range centres {
		t.Names = append(t.Names, topWords(words, c, weight))
		for w, x := range c {
			t.Weights = append(t.Weights, int8(math.Round(127*x*weight[w]/most/slices.Max(weight))))
		}
	}
	return t
}

// recurring are the words that stand in most texts, with their weights: a word that
// stands in every text says nothing.
func recurring(texts []string) (words []string, weight []float64) {
	type seen struct {
		rows, last int
		word       string
	}
	counts := map[uint64]*seen{}
	for i, s := range texts {
		for w := (encode.Words{Text: s}); w.Next(); {
			c := counts[w.Word]
			if c == nil {
				if w.To-w.From > maxWord {
					continue
				}
				c = &seen{last: -1, word: strings.ToLower(s[w.From:w.To])}
				counts[w.Word] = c
			}
			if c.last != i {
				c.rows, c.last = c.rows+1, i
			}
		}
	}
	var all []*seen
	for _, c := range counts {
		if c.rows >= rareWord && c.rows < len(texts) {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *seen) int { return cmp.Or(cmp.Compare(b.rows, a.rows), cmp.Compare(a.word, b.word)) })
	for _, c := range all[:min(len(all), maxWords)] {
		words = append(words, c.word)
		weight = append(weight, math.Log(float64(len(texts))/float64(c.rows)))
	}
	return words, weight
}

// entry is a word of a text with its weight.
type entry struct {
	word int32
	x    float64
}

// vectors are the texts by their words, each of length one. Texts without a word
// that recurs are left out.
func vectors(texts []string, index map[uint64]int32, weight []float64) [][]entry {
	var out [][]entry
	last := make([]int, len(weight)) // Text of each word, from 1.
	for i, s := range texts {
		var row []entry
		norm := 0.0
		for w := (encode.Words{Text: s}); w.Next(); {
			if at, ok := index[w.Word]; ok && last[at] != i+1 {
				last[at] = i + 1
				row = append(row, entry{at, weight[at]})
				norm += weight[at] * weight[at]
			}
		}
		for i := range row {
			row[i].x /= math.Sqrt(norm)
		}
		if len(row) > 0 {
			out = append(out, row)
		}
	}
	return out
}

// cluster finds k centres, or fewer where texts do not differ so much. The first
// ones are texts far from each other (k-means++: D. Arthur, S. Vassilvitskii, SODA
// 2007), drawn with a fixed seed.
func cluster(rows [][]entry, words, k int) [][]float64 {
	if len(rows) == 0 {
		return nil
	}
	r := rand.New(rand.NewPCG(topicSeed, uint64(len(rows))))
	near := make([]float64, len(rows))
	centres := [][]float64{dense(rows[r.IntN(len(rows))], words)}
	for len(centres) < k {
		sum := 0.0
		for i, row := range rows {
			if s := dot(row, centres[len(centres)-1]); len(centres) == 1 || s > near[i] {
				near[i] = s
			}
			sum += max(0, 1-near[i])
		}
		at, left := 0, sum*r.Float64()
		for ; at < len(rows)-1 && left >= max(0, 1-near[at]); at++ {
			left -= max(0, 1-near[at])
		}
		if sum < 1e-9 {
			break
		}
		centres = append(centres, dense(rows[at], words))
	}
	of := make([]int, len(rows))
	for turn := range topicTurns {
		moved := 0
		for i, row := range rows {
			if c := nearest(row, centres); c != of[i] || turn == 0 {
				of[i] = c
				moved++
			}
		}
		if moved == 0 {
			break
		}
		centre(centres, rows, of)
	}
	return centres
}

func dense(row []entry, words int) []float64 {
	out := make([]float64, words)
	for _, e := range row {
		out[e.word] = e.x
	}
	return out
}

func dot(row []entry, centre []float64) (sum float64) {
	for _, e := range row {
		sum += e.x * centre[e.word]
	}
	return sum
}

func nearest(row []entry, centres [][]float64) (at int) {
	most := math.Inf(-1)
	for c, centre := range centres {
		if s := dot(row, centre); s > most {
			at, most = c, s
		}
	}
	return at
}

// centre moves each centre into the middle of its texts; one without texts stays.
func centre(centres [][]float64, rows [][]entry, of []int) {
	sums := make([][]float64, len(centres))
	for i, row := range rows {
		if sums[of[i]] == nil {
			sums[of[i]] = make([]float64, len(centres[0]))
		}
		for _, e := range row {
			sums[of[i]][e.word] += e.x
		}
	}
	for c, sum := range sums {
		norm := 0.0
		for _, x := range sum {
			norm += x * x
		}
		if norm = math.Sqrt(norm); norm > 0 {
			for w := range sum {
				sum[w] /= norm
			}
			centres[c] = sum
		}
	}
}

// topWords are the words that stand for a topic, the strongest first.
func topWords(words []string, centre, weight []float64) []string {
	order := make([]int, len(words))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(centre[b]*weight[b], centre[a]*weight[a]) })
	var out []string
	for _, w := range order[:min(named, len(order))] {
		if centre[w]*weight[w] > 0 {
			out = append(out, words[w])
		}
	}
	return out
}

func (t *Topics) index() map[uint64]int32 {
	out := make(map[uint64]int32, len(t.Words))
	for i, s := range t.Words {
		if w := (encode.Words{Text: s}); w.Next() {
			out[w.Word] = int32(i)
		}
	}
	return out
}

// name is what a topic is counted under.
func (t *Topics) name(topic int) string {
	if topic < 0 {
		return noTopic
	}
	return strconv.Itoa(topic+1) + ": " + strings.Join(t.Names[topic], ", ")
}

// finder finds the topics of texts. It is not safe for use by several goroutines.
type finder struct {
	topics *Topics
	index  map[uint64]int32
	sums   []int
	in     []int32 // The words of a text.
}

func (t *Topics) finder() *finder {
	return &finder{topics: t, index: t.index(), sums: make([]int, len(t.Names))}
}

// topic is the one whose words a text has most of, the first of equal ones; -1
// where it has none that recurs.
func (f *finder) topic(s string) int {
	f.in = f.in[:0]
	for w := (encode.Words{Text: s}); w.Next() && len(f.in) < maxWords; {
		if at, ok := f.index[w.Word]; ok {
			f.in = append(f.in, at)
		}
	}
	return f.of()
}

// of is the topic of the words in f.in.
func (f *finder) of() int {
	if len(f.in) == 0 {
		return -1
	}
	slices.Sort(f.in)
	f.in = slices.Compact(f.in)
	best := 0
	for k := range f.sums {
		row := f.topics.Weights[k*len(f.topics.Words):]
		sum := 0
		for _, w := range f.in {
			sum += int(row[w])
		}
		if f.sums[k] = sum; sum > f.sums[best] {
			best = k
		}
	}
	return best
}
