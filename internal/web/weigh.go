package web

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"hone"
)

const (
	// maxBodies bounds the bytes of all bodies that are being read and worked on,
	// but for the small: read, they take many times as much.
	maxBodies = 64 << 20
	// small is how much of each body is not counted.
	small = 64 << 10
	// portion is how many bytes are asked of the budget at a time.
	portion = 256 << 10
)

// budget is an amount that requests share.
type budget struct{ free atomic.Int64 }

func (b *budget) take(n int64) bool {
	if b.free.Add(-n) >= 0 {
		return true
	}
	b.free.Add(n)
	return false
}

// weigh counts the bytes of a large body as they come, until done is called. One
// that says itself that it is too large is refused before it comes, and one that
// the budget does not reach for breaks off.
func (s *Server) weigh(r *http.Request) (done func(), err error) {
	switch {
	case r.ContentLength > maxBody:
		return nil, &hone.Error{Code: hone.TooLarge, Message: fmt.Sprintf("the body is larger than %d bytes", maxBody), Hint: "send it in parts"}
	case r.ContentLength >= 0 && r.ContentLength <= small:
		return func() {}, nil
	}
	m := &metered{ReadCloser: r.Body, budget: &s.bodies}
	r.Body = m
	return m.done, nil
}

// metered is a body that is counted. What is in the budget's portions is held
// for no longer than the bytes are.
type metered struct {
	io.ReadCloser
	budget     *budget
	came, held int64
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	for m.came += int64(n); m.came > m.held+small; m.held += portion {
		if !m.budget.take(portion) {
			return 0, &hone.Error{Code: hone.Overloaded, Message: "too many large bodies come at once", Hint: "wait a second, then repeat; smaller batches are taken all the while"}
		}
	}
	return n, err
}

func (m *metered) done() { m.budget.free.Add(m.held) }
