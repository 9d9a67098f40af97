package encode

import (
	"math"

	"hone/internal/frame"
)

// Offset and prime of the 64-bit FNV-1a hash.
const (
	offset uint64 = 14695981039346656037
	prime  uint64 = 1099511628211
)

// AppendNames adds the slots of one row's categories and words, hashed into one
// space of 2^bits that all columns share, to idx and val and returns both. It
// needs nothing learned; the same names under the same field get the same slots
// on every machine.
func AppendNames(f *frame.Frame, row, bits int, idx []int32, val []float64) ([]int32, []float64) {
	mask := uint64(1)<<bits - 1
	for i := range f.Schema {
		if f.Schema[i].Kind == frame.Number {
			continue
		}
		s := f.Cols[i].Str[row]
		salt := hashString(offset, f.Schema[i].Name)
		if f.Schema[i].Kind == frame.Text {
			idx, val = appendWords(s, words{salt: salt, mask: mask}, idx, val)
		} else if s != "" {
			idx, val = append(idx, int32(mix(hashString(salt, s))&mask)), append(val, 1)
		}
	}
	return idx, val
}

// words says where the words of a text go.
type words struct {
	salt    uint64
	mask    uint64
	base    int32
	bigrams bool

	charsMin, charsMax int // Characters of the pieces of words; 0 for none.
}

// appendWords adds a slot for each word, in lower case, and where asked for, for each
// pair of neighbours and for the pieces of each word. Each slot holds 1/√n of n, so that long
// texts do not outweigh short ones.
func appendWords(s string, w words, idx []int32, val []float64) ([]int32, []float64) {
	from := len(idx)
	before := uint64(0)
	for r := (Words{Text: s}); r.next(offset ^ w.salt); {
		idx = w.add(idx, r.Word, before)
		if w.charsMax > 0 {
			idx = w.pieces(idx, s[r.From:r.To])
		}
		before = r.Word
	}
	weight := 1 / math.Sqrt(float64(len(idx)-from))
	for range len(idx) - from {
		val = append(val, weight)
	}
	return idx, val
}

// add appends the slot of a word and, where asked for, of it and the one before.
func (w words) add(idx []int32, word, before uint64) []int32 {
	idx = append(idx, w.base+int32(mix(word)&w.mask))
	if w.bigrams && before != 0 {
		idx = append(idx, w.base+int32(mix(before*prime+word)&w.mask))
	}
	return idx
}

func hashRune(h uint64, r rune) uint64 {
	for ; r >= 0x80; r >>= 8 {
		h = (h ^ uint64(r&0xff)) * prime
	}
	return (h ^ uint64(r)) * prime
}

func hashString(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * prime
	}
	return h
}

// mix spreads what the high bits know into the low ones, which pick the slot.
func mix(h uint64) uint64 {
	h ^= h >> 32
	h *= 0x9e3779b97f4a7c15
	return h ^ h>>29
}
