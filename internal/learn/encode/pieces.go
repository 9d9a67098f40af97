package encode

// radix of the polynomial whose value at a piece of a word is its hash.
const radix uint64 = 0x9e3779b97f4a7c15

// edge stands for the beginning and the end of a word.
const edge = ' '

// pieces appends the slots of a word's pieces of charsMin to charsMax characters, of
// which the edges are one each: late has " la", "lat", "ate" and "te ". The whole
// word with both edges is left out, and so is all of a word of one character: it has
// its slot already.
//
// The hash of a piece is that of all up to its end less that of what comes before
// it, times radix for each of its characters, so each costs the same however long.
func (w words) pieces(idx []int32, word string) []int32 {
	if _, size := lower(word); size == len(word) {
		return idx
	}
	var before [maxChars + 1]uint64 // Hashes up to each of the last characters, by their number.
	var power [maxChars + 1]uint64
	power[0] = 1
	for n := 1; n <= w.charsMax; n++ {
		power[n] = power[n-1] * radix
	}
	hash, read := uint64(0), 0
	take := func(r rune, last bool) {
		hash = hash*radix + uint64(r)
		read++
		before[read%len(before)] = hash
		for n := w.charsMin; n <= w.charsMax && n <= read; n++ {
			if last && n == read {
				break
			}
			piece := hash - before[(read-n)%len(before)]*power[n]
			idx = append(idx, w.base+int32(mix(hashSize(w.salt, n)^piece)&w.mask))
		}
	}
	take(edge, false)
	for len(word) > 0 {
		r, size := lower(word)
		word = word[size:]
		take(r, false)
	}
	take(edge, true)
	return idx
}

// hashSize sets the pieces of a size apart from those of others, and from words.
func hashSize(salt uint64, n int) uint64 { return (offset ^ salt ^ uint64(n)) * prime }
