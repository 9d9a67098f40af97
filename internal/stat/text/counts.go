package text

import (
	"cmp"
	"errors"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"hone/internal/learn/encode"
	"hone/internal/stat"
)

const (
	maxNew = 1000 // Words that are followed at a time.
	// people is how many users a new word must come from before it is told, lest it
	// tell of one of them.
	people = 5
)

// Counts counts the texts of a window. But for New, which is right for words that
// are frequent, those of the same profile add exactly, in any order. It takes
// constant memory, and is not safe for use by several goroutines.
type Counts struct {
	Rows    int          `json:"rows"` // Texts that have a word.
	Sum     int64        `json:"sum"`  // Shares of unseen words, in 1024ths, and their squares.
	Squares int64        `json:"squares"`
	Mix     *stat.Counts `json:"mix,omitempty"`
	// New are words that the reference never saw: at least so many texts have each,
	// and every word is there that is one in 1,000 of the unseen ones.
	New map[string]*Met `json:"new,omitempty"`

	profile *Profile
	finder  *finder
	names   []string
}

// Met is how often a new word came.
type Met struct {
	N     int      `json:"n"`
	Users []uint32 `json:"users"` // Hashes, of five users at most.
	last  int
}

// Window returns an empty counter.
func (p *Profile) Window() *Counts {
	c := &Counts{profile: p}
	if p != nil && p.Topics != nil && p.Mix != nil {
		c.Mix, c.finder = p.Mix.Window(), p.Topics.finder()
		for k := range p.Topics.Names {
			c.names = append(c.names, p.Topics.name(k))
		}
	}
	return c
}

// Add counts one text; user names whose it is, "" is somebody of its own.
func (c *Counts) Add(s, user string) {
	if !c.profile.Fits() {
		return
	}
	n, unseen := 0, 0
	if c.finder != nil {
		c.finder.in = c.finder.in[:0]
	}
	for w := (encode.Words{Text: s}); w.Next(); n++ {
		if !c.profile.known(w.Word) {
			unseen++
			c.meet(s[w.From:w.To], user)
			continue
		}
		if c.finder == nil {
			continue
		}
		if at, ok := c.finder.index[w.Word]; ok && len(c.finder.in) < maxWords {
			c.finder.in = append(c.finder.in, at)
		}
	}
	if n == 0 {
		return
	}
	c.Rows++
	q := share(unseen, n)
	c.Sum, c.Squares = c.Sum+q, c.Squares+q*q
	if c.finder != nil {
		name := noTopic
		if k := c.finder.of(); k >= 0 {
			name = c.names[k]
		}
		c.Mix.AddName(name)
	}
}

// meet counts a word once a text. Where too many words are followed all count one
// less, and those that came to nothing go (J. Misra, D. Gries, Sci. Comput. Program.
// 2, 1982).
func (c *Counts) meet(word, user string) {
	if len(word) > maxWord {
		return
	}
	word = strings.ToLower(word)
	if c.New == nil {
		c.New = map[string]*Met{}
	}
	m := c.New[word]
	switch {
	case m != nil && m.last == c.Rows+1:
		return
	case m == nil && len(c.New) >= maxNew:
		c.fade(1)
		return
	case m == nil:
		m = &Met{}
		c.New[strings.Clone(word)] = m
	}
	m.N, m.last = m.N+1, c.Rows+1
	m.from(hashOf(user, c.Rows))
}

func (m *Met) from(users ...uint32) {
	for _, u := range users {
		if len(m.Users) < people && !slices.Contains(m.Users, u) {
			m.Users = append(m.Users, u)
		}
	}
}

// hashOf stands for a user; a text of nobody is one of its own.
func hashOf(user string, row int) uint32 {
	h := fnv.New32a()
	if user == "" {
		h.Write([]byte{0, byte(row), byte(row >> 8), byte(row >> 16), byte(row >> 24)})
	} else {
		h.Write([]byte(user))
	}
	return h.Sum32()
}

func (c *Counts) fade(by int) {
	maps.DeleteFunc(c.New, func(_ string, m *Met) bool {
		m.N -= by
		return m.N <= 0
	})
}

var errOtherProfile = errors.New("merge counts of texts: they were counted on another profile")

// Merge adds what o counted on the same profile. It fails, and adds nothing, where
// o was counted on another one.
func (c *Counts) Merge(o *Counts) error {
	if o == nil {
		return nil
	}
	if (c.Mix == nil) != (o.Mix == nil) {
		return errOtherProfile
	}
	if c.Mix != nil {
		if err := c.Mix.Merge(o.Mix); err != nil {
			return err
		}
	}
	c.Rows, c.Sum, c.Squares = c.Rows+o.Rows, c.Sum+o.Sum, c.Squares+o.Squares
	for _, word := range slices.Sorted(maps.Keys(o.New)) {
		if c.New == nil {
			c.New = map[string]*Met{}
		}
		m := c.New[word]
		if m == nil {
			m = &Met{}
			c.New[word] = m
		}
		m.N += o.New[word].N
		m.from(o.New[word].Users...)
	}
	c.shorten()
	return nil
}

// shorten lets words go until no more are followed than may be.
func (c *Counts) shorten() {
	if len(c.New) <= maxNew {
		return
	}
	all := slices.Collect(maps.Values(c.New))
	slices.SortFunc(all, func(a, b *Met) int { return cmp.Compare(b.N, a.N) })
	c.fade(all[maxNew].N)
}
