package bar

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"hone/internal/clock"
)

// Post is an HTTP request as it goes over the wire.
func Post(path string, body []byte) []byte {
	return append(fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", path, len(body)), body...)
}

// patience is how long one answer may take.
const patience = time.Minute

// Fire sends the requests in turn over so many connections that are kept alive,
// each waiting for its answer, until total are answered. It returns how long that
// took, and fails at the first answer that is not 200. It parses next to nothing,
// so that on a small machine the server keeps the processor.
func Fire(addr string, requests [][]byte, conns, total int) (time.Duration, error) {
	var next atomic.Int64
	var wait sync.WaitGroup
	errs := make([]error, conns)
	watch := clock.Start()
	for i := range conns {
		wait.Go(func() {
			errs[i] = fire(addr, func() []byte {
				n := int(next.Add(1)) - 1
				if n >= total {
					return nil
				}
				return requests[n%len(requests)]
			})
		})
	}
	wait.Wait()
	return watch.Elapsed(), errors.Join(errs...)
}

func fire(addr string, next func() []byte) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	r := bufio.NewReaderSize(c, 64<<10)
	for b := next(); b != nil; b = next() {
		if err := c.SetDeadline(clock.System{}.Now().Add(patience)); err != nil {
			return err
		}
		if _, err := c.Write(b); err != nil {
			return err
		}
		if err := answer(r); err != nil {
			return err
		}
	}
	return nil
}

var contentLength = []byte("content-length:")

// answer reads one answer, which must say how long it is.
func answer(r *bufio.Reader) error {
	status, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	ok, first := bytes.HasPrefix(status, []byte("HTTP/1.1 200")), string(bytes.TrimSpace(status))
	length := -1
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if n := len(contentLength); len(line) > n && bytes.EqualFold(line[:n], contentLength) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[n:]))); err != nil {
				return err
			}
		}
	}
	if length < 0 {
		return errors.New("an answer does not say how long it is")
	}
	if !ok {
		body, _ := io.ReadAll(io.LimitReader(r, int64(min(length, 500))))
		return fmt.Errorf("answered %s: %s", first, body)
	}
	_, err = r.Discard(length)
	return err
}
