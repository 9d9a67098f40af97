// Package text profiles a feature of free text and tells how a window of texts
// differs from it: by the share of words that the reference never saw, and by what
// the texts are about. What follows from that is left to others.
package text

import (
	"slices"

	"hone/internal/learn/encode"
	"hone/internal/stat"
)

// Profile is what the texts of a reference look like. It is of constant size,
// whatever the reference. Treat it as read-only: then many goroutines may use it.
type Profile struct {
	Rows int `json:"rows"` // Texts that have a word.
	// Known has a bit for each word of the reference, at the word's hash: a word
	// whose bit is not set was never seen.
	Known []byte `json:"known"`
	// Shares is the distribution of the share of a text's words that no other
	// stretch of the reference has: what is to be expected of new texts. It lets a
	// word pass for a known one as often as Known does.
	Shares *stat.Profile `json:"shares,omitempty"`
	// Sum and Squares add up these shares, in 1024ths, and their squares.
	Sum     int64 `json:"sum"`
	Squares int64 `json:"squares"`

	Topics *Topics `json:"topics,omitempty"`
	// Mix is how the texts that no topic was learned on fall into topics. It is nil
	// where there are too few texts, or too few words that recur.
	Mix *stat.Profile `json:"mix,omitempty"`
}

const (
	shareUnit = 1024
	// minRows is how many texts a reference has at least for words to be expected.
	minRows = 200
)

// NewProfile profiles texts in the order in which they arrived. The same texts give
// the same profile.
func NewProfile(texts []string) *Profile {
	p := &Profile{}
	var with []string
	for _, s := range texts {
		if w := (encode.Words{Text: s}); w.Next() {
			with = append(with, s)
		}
	}
	if p.Rows = len(with); p.Rows < minRows {
		return p
	}
	v := newVocabulary(with)
	p.Known = v.bits()
	shares := make([]float64, len(with))
	for i, s := range with {
		unseen, n := 0, 0
		for w := (encode.Words{Text: s}); w.Next(); n++ {
			if v.only(w.Word, i) {
				unseen++
			}
		}
		q := share(unseen, n)
		p.Sum, p.Squares = p.Sum+q, p.Squares+q*q
		shares[i] = float64(q) / shareUnit
	}
	p.Shares = stat.NewNumeric(shares)
	p.learn(with)
	return p
}

// share of words in 1024ths, which add exactly.
func share(part, of int) int64 { return (int64(part)*shareUnit + int64(of)/2) / int64(of) }

// learn finds topics on some stretches of the texts, and counts the others by them:
// those that topics were made of would fall into them too well. What is left are
// stretches as well, which follow each other as closely as texts do.
func (p *Profile) learn(texts []string) {
	const parts, most = 40, 100
	length := min(most, len(texts)/parts/2)
	var own, others []string
	for k := range parts {
		from, to := k*len(texts)/parts, (k+1)*len(texts)/parts
		own = append(own, texts[from:from+length]...)
		others = append(others, texts[from+length:to]...)
	}
	if p.Topics = newTopics(own); p.Topics == nil {
		return
	}
	find := p.Topics.finder()
	names := make([]string, len(others))
	for i, s := range others {
		names[i] = p.Topics.name(find.topic(s))
	}
	p.Mix = stat.NewNames(names)
}

// Fits tells whether the profile can tell anything of a window.
func (p *Profile) Fits() bool { return p != nil && p.Shares != nil && p.Rows >= minRows }

// known tells whether a word is one of the reference's.
func (p *Profile) known(word uint64) bool {
	at := word & uint64(8*len(p.Known)-1)
	return p.Known[at>>3]>>(at&7)&1 == 1
}

// Topic names what a text is about, for whoever wants a category of it; "" where
// there are no topics, or no word.
func (p *Profile) Topic(texts []string) []string {
	out := make([]string, len(texts))
	if p == nil || p.Topics == nil {
		return out
	}
	find := p.Topics.finder()
	for i, s := range texts {
		if w := (encode.Words{Text: s}); w.Next() {
			out[i] = p.Topics.name(find.topic(s))
		}
	}
	return out
}

// vocabulary tells for each hash which stretch of the reference its words stand in.
type vocabulary struct {
	owner []uint8 // 0 is none, many is more than one.
	rows  int
}

const (
	stretches = 20
	many      = 255
	maxBits   = 20 // Logarithm of the slots.
	minBits   = 12
)

// newVocabulary takes as many slots as leave at most one of sixteen taken, where a
// million are enough for that.
func newVocabulary(texts []string) *vocabulary {
	v := &vocabulary{owner: make([]uint8, 1<<maxBits), rows: len(texts)}
	taken := 0
	for i, s := range texts {
		me := v.stretch(i)
		for w := (encode.Words{Text: s}); w.Next(); {
			at := &v.owner[w.Word&(1<<maxBits-1)]
			switch {
			case *at == 0:
				*at = me
				taken++
			case *at != me:
				*at = many
			}
		}
	}
	for len(v.owner) > 1<<minBits && 32*taken <= len(v.owner) {
		v.fold()
	}
	return v
}

func (v *vocabulary) stretch(row int) uint8 { return uint8(1 + row*stretches/v.rows) }

// fold lays the upper half of the slots on the lower one.
func (v *vocabulary) fold() {
	half := len(v.owner) / 2
	for i, upper := range v.owner[half:] {
		switch lower := v.owner[i]; {
		case upper == 0 || upper == lower:
		case lower == 0:
			v.owner[i] = upper
		default:
			v.owner[i] = many
		}
	}
	v.owner = slices.Clip(v.owner[:half])
}

// only tells whether a word of a row stands in no other stretch than the row's own.
func (v *vocabulary) only(word uint64, row int) bool {
	return v.owner[word&uint64(len(v.owner)-1)] == v.stretch(row)
}

func (v *vocabulary) bits() []byte {
	out := make([]byte, len(v.owner)/8)
	for i, o := range v.owner {
		if o != 0 {
			out[i>>3] |= 1 << (i & 7)
		}
	}
	return out
}
