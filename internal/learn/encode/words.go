package encode

import (
	"unicode"
	"unicode/utf8"
)

// Words reads the words of a text one after the other, in lower case. A word is a
// run of letters, marks and digits; of scripts written without spaces, one
// character.
type Words struct {
	Text     string
	Word     uint64 // The hash of the word that was read last.
	From, To int    // Where in the text it stands.
}

// Next goes on to the next word, if there is one. Word is the same for the same word
// in every text and on every machine, and as good as random.
func (w *Words) Next() bool {
	if !w.next(offset) {
		return false
	}
	w.Word = mix(w.Word)
	return true
}

func (w *Words) next(seed uint64) bool {
	for w.To < len(w.Text) {
		w.From = w.To
		r, size := lower(w.Text[w.From:])
		w.To += size
		if r < 0 {
			continue
		}
		w.Word = hashRune(seed, r)
		if r < 0x2e80 || !ideograph(r) {
			w.rest()
		}
		return true
	}
	return false
}

// rest reads on to the end of a word.
func (w *Words) rest() {
	text, at, word := w.Text, w.To, w.Word
	for at < len(text) {
		if c := ascii[text[at]]; c > 0 { // As most are.
			word = (word ^ uint64(c)) * prime
			at++
			continue
		}
		r, size := lower(text[at:])
		if r < 0 || r >= 0x2e80 && ideograph(r) {
			break
		}
		word = hashRune(word, r)
		at += size
	}
	w.To, w.Word = at, word
}

// ascii has the letters and digits of one byte, in lower case.
var ascii = func() (table [256]byte) {
	for c := range byte(utf8.RuneSelf) {
		if r, _ := lower(string(c)); r > 0 {
			table[c] = byte(r)
		}
	}
	return table
}()

// lower returns the first character of s in lower case, or -1 where it belongs
// to no word, and its length in bytes.
func lower(s string) (rune, int) {
	if c := s[0]; c < utf8.RuneSelf {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			return rune(c), 1
		case 'A' <= c && c <= 'Z':
			return rune(c) + 'a' - 'A', 1
		}
		return -1, 1
	}
	r, size := utf8.DecodeRuneInString(s)
	if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
		return -1, size
	}
	return unicode.ToLower(r), size
}

func ideograph(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}
