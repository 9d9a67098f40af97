// Package audit chains events by their hashes, so that a change, a gap, another
// order or a cut-off end can be proved. Where the events are kept is left to
// the store.
package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"hone"
)

// Head is the newest link of a chain as it was once seen. The zero Head is that
// of an empty chain.
type Head struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

// String is the head as a person keeps it, which ParseHead reads.
func (h Head) String() string { return fmt.Sprintf("%d:%s", h.Seq, h.Hash) }

// ParseHead reads SEQ:HASH, both in full: of a hash that is cut short another
// chain could be made.
func ParseHead(s string) (Head, error) {
	number, sum, _ := strings.Cut(strings.TrimSpace(s), ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	raw, bad := hex.DecodeString(sum)
	if err != nil || seq < 1 || bad != nil || len(raw) != sha256.Size || sum != strings.ToLower(sum) {
		return Head{}, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%.100q is no head of an audit chain", s),
			Hint: "write SEQ:HASH as `hone audit verify` printed it, such as 41:" + strings.Repeat("0f", 4) + "…, with all 64 digits"}
	}
	return Head{seq, sum}, nil
}

// Broken says where a chain breaks first, and how.
type Broken struct {
	Seq int64
	Why string
}

func (b *Broken) Error() string { return fmt.Sprintf("audit event %d: %s", b.Seq, b.Why) }

// Seal links e to the event before it, whose hash is prev, or "" for the first.
// Seq and Salt must be set; DataHash, Prev and Hash are filled in. Texts become
// valid UTF-8 and the data compact, so that what is exported and read again
// still has the same hash.
func Seal(prev string, e hone.Event) hone.Event {
	for _, s := range []*string{&e.Actor, &e.Action, &e.Model, (*string)(&e.Run), (*string)(&e.Version), &e.Sentence} {
		*s = strings.ToValidUTF8(*s, "\uFFFD")
	}
	e.At = e.At.UTC().Round(0)
	if len(e.Data) > 0 {
		e.Data = canonical(e.Data)
	}
	e.DataHash = dataHash(e)
	e.Prev = prev
	e.Hash = hash(e)
	return e
}

// Erased is the action of the event that says whose data an erasure has dropped.
const Erased = "erased"

// Gap is an event whose data was erased, and the later one that says so.
type Gap struct {
	Seq int64 `json:"event"`
	By  int64 `json:"erased_by"`
}

// Verify walks the chain from its first event and returns a *Broken for the
// first that is changed, missing or out of place, or that is cut off although
// head had it. Events after the head are checked too. An event whose data was
// erased verifies by the hash that was kept, if a later one says so; those are
// returned. An error of the sequence itself is returned as it is.
func Verify(events iter.Seq2[hone.Event, error], head Head) ([]Gap, error) {
	var gaps gaps
	if err := walk(events, head, &gaps); err != nil {
		return gaps.told, err
	}
	return gaps.told, gaps.untold()
}

// gaps are the events without their data, told and not told by a later one.
type gaps struct {
	told []Gap
	open []int64
}

func (g *gaps) add(e hone.Event) {
	if len(e.Data) == 0 && dataHash(e) != e.DataHash {
		g.open = append(g.open, e.Seq)
	}
	var says struct{ Payloads []int64 }
	if e.Action != Erased || json.Unmarshal(e.Data, &says) != nil {
		return
	}
	g.open = slices.DeleteFunc(g.open, func(seq int64) bool {
		told := slices.Contains(says.Payloads, seq)
		if told {
			g.told = append(g.told, Gap{seq, e.Seq})
		}
		return told
	})
}

func (g *gaps) untold() error {
	if len(g.open) == 0 {
		return nil
	}
	return &Broken{g.open[0], "changed: its data is gone, and no erasure says so"}
}

func walk(events iter.Seq2[hone.Event, error], head Head, gaps *gaps) error {
	next, stop := iter.Pull2(events)
	defer stop()
	var last Head
	for {
		e, err, ok := next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if e.Seq != last.Seq+1 {
			return misplaced(e.Seq, last.Seq+1, next)
		}
		if why := check(e, last.Hash); why != "" {
			return &Broken{e.Seq, why}
		}
		if e.Seq == head.Seq && e.Hash != head.Hash {
			return &Broken{e.Seq, "changed: its hash is not that of the known head"}
		}
		gaps.add(e)
		last = Head{e.Seq, e.Hash}
	}
	if last.Seq < head.Seq {
		return &Broken{last.Seq + 1, fmt.Sprintf("truncated: the chain ends at event %d, but had %d", last.Seq, head.Seq)}
	}
	return nil
}

// Export writes the events as JSON Lines, which Read reads.
func Export(w io.Writer, events iter.Seq2[hone.Event, error]) error {
	enc := json.NewEncoder(w)
	for e, err := range events {
		if err != nil {
			return err
		}
		if err := enc.Encode(e); err != nil {
			return fmt.Errorf("export audit event %d: %w", e.Seq, err)
		}
	}
	return nil
}

// Read returns the events of an export, in its order.
func Read(r io.Reader) iter.Seq2[hone.Event, error] {
	return func(yield func(hone.Event, error) bool) {
		dec := json.NewDecoder(r)
		for line := 1; ; line++ {
			var e hone.Event
			err := dec.Decode(&e)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(e, fmt.Errorf("read audit export, line %d: %w", line, err))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

func check(e hone.Event, prev string) string {
	switch {
	case len(e.Data) > 0 && dataHash(e) != e.DataHash:
		return "changed: its data does not have the hash that was sealed"
	case hash(e) != e.Hash:
		return "changed: its content does not have the hash that was sealed"
	case e.Prev != prev:
		return "changed: it is not sealed onto the event before it"
	}
	return ""
}

// misplaced tells a gap from another order: in the latter the event that was
// wanted comes after all.
func misplaced(got, want int64, next func() (hone.Event, error, bool)) error {
	if got < want {
		return &Broken{got, fmt.Sprintf("reordered: it stands where event %d belongs", want)}
	}
	for {
		e, err, ok := next()
		if err != nil || !ok {
			return &Broken{want, fmt.Sprintf("missing: event %d stands in its place", got)}
		}
		if e.Seq == want {
			return &Broken{want, fmt.Sprintf("reordered: it comes after event %d", got)}
		}
	}
}

func dataHash(e hone.Event) string {
	h := sha256.New()
	io.WriteString(h, e.Salt)
	h.Write(canonical(e.Data))
	return hex.EncodeToString(h.Sum(nil))
}

// canonical is the form in which encoding/json writes raw JSON: compact, with
// <, > and & escaped. What is no JSON stays as it is.
func canonical(data []byte) []byte {
	var compact, escaped bytes.Buffer
	if json.Compact(&compact, data) != nil {
		return data
	}
	json.HTMLEscape(&escaped, compact.Bytes())
	return escaped.Bytes()
}

func hash(e hone.Event) string {
	// Marshalling strings and a number cannot fail, and quotes them, so that no
	// two events share an encoding.
	b, _ := json.Marshal([]any{e.Seq, e.At.UTC().Format(time.RFC3339Nano), e.Actor, e.Action,
		e.Model, e.Run, e.Version, e.Sentence, e.DataHash, e.Prev})
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
