package say

import "strings"

// Nearest returns the word that was likely meant, or "".
func Nearest(got string, words []string) string {
	if len(got) > 64 {
		return ""
	}
	low := strings.ToLower(strings.ReplaceAll(got, "-", "_"))
	best, least := "", 1+len(low)/3
	for _, w := range words {
		d := distance(low, strings.ToLower(w))
		if len(low) >= 3 && strings.HasPrefix(w, low) {
			d = min(d, 1)
		}
		if d < least {
			best, least = w, d
		}
	}
	return best
}

// distance is the number of letters to add, drop, change or swap (optimal string
// alignment, after Damerau) to turn a into b.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(s); i++ {
		for j := 1; j <= len(t); j++ {
			change := 1
			if s[i-1] == t[j-1] {
				change = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(s)][len(t)]
}
