package web_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hone/internal/op"
)

// TestDeep sends JSON that nests 100,000 levels, numbers that no machine has, and
// tensors whose shape says more than they hold: each is refused, or read as what
// it is, and the server goes on.
func TestDeep(t *testing.T) {
	t.Parallel()
	const n = 100_000
	f := func(path, body string, edit func(*http.Request)) {
		t.Helper()
		got := shared.ask(t, "POST", path, body, func(r *http.Request) {
			as(token(op.Admin))(r)
			if edit != nil {
				edit(r)
			}
		})
		shut(t, fmt.Sprintf("%s %.60q", path, body), got)
		if got.status != http.StatusBadRequest && got.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s %.60q: %d %.200s", path, body, got.status, got.body)
		}
	}
	for _, at := range []string{"feedback", "predictions", "history", "predict", "events", "runs"} {
		path := "/api/v1/models/fraud/" + at
		for _, open := range []string{"[", `{"a":`, `[{"a":[`} {
			f(path, strings.Repeat(open, n), nil)
			f(path, `{"features":`+strings.Repeat(open, n)+`}`, nil)
		}
		f(path, strings.Repeat("[", n)+strings.Repeat("]", n), nil)
		f(path, `{"features":`+strings.Repeat(`{"a":`, n)+"1"+strings.Repeat("}", n)+`}`, nil)
	}
	f("/api/v1/models/fraud/feedback", strings.Repeat("[", n)+"\n", header("Content-Type", "application/x-ndjson"))
	f("/api/v1/models/fraud/events", strings.Repeat("[", n)+strings.Repeat("]", n), func(r *http.Request) {
		for _, k := range []string{"Ce-Specversion:1.0", "Ce-Id:deep", "Ce-Source:/x", "Ce-Type:t", "Content-Type:application/json"} {
			name, value, _ := strings.Cut(k, ":")
			r.Header.Set(name, value)
		}
	})
	infer := func(shape, datatype, data string) string {
		return fmt.Sprintf(`{"inputs":[{"name":"amount","shape":%s,"datatype":%q,"data":%s}]}`, shape, datatype, data)
	}
	const v2 = "/v2/models/fraud/infer"
	for _, shape := range []string{"[9223372036854775808]", "[9223372036854775807]", "[4294967296,4294967296]", "[-1]", "[-9223372036854775808]", "[0]", "[1.5]", "[1e3]", "[1e400]", `["1"]`, "[null]", "[2]", "[1,2]", "[2147483648,2147483648,4]",
		"[" + strings.Repeat("1,", n) + "1]", strings.Repeat("[", n), "null", "{}", "1", "[]", "[99999999999999999999999999]"} {
		f(v2, infer(shape, "FP64", "[1]"), nil)
	}
	for _, data := range []string{strings.Repeat("[", n), strings.Repeat("[", n) + "1" + strings.Repeat("]", n), "[1e400]", "[-1e400]", `[{}]`, "[[1],[2]]", "[" + strings.Repeat("1,", 200_000) + "1]", "[]", "[1", `["`} {
		f(v2, infer("[1]", "FP64", data), nil)
	}
	for _, number := range []string{"1e400", "-1e400", "Infinity", "-Infinity", "1" + strings.Repeat("0", 5000), "0x10", "01", "1e", "--1", "+1", ".5"} {
		f("/api/v1/models/fraud/history", `{"rows":[{"prediction_id":"n","time":"2024-01-01T00:00:00Z","features":{"amount":`+number+`}}]}`, nil)
		f("/api/v1/models/fraud/feedback", `{"feedback":[{"prediction_id":"n","score":`+number+`}]}`, nil)
	}
}

// TestLongAnnounced says that 10 GB will come, and sends none: the answer does
// not wait for them.
func TestLongAnnounced(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/api/v1/models/fraud/feedback", "/api/v1/models/fraud/history", "/api/v1/models/fraud/predict", "/v2/models/fraud/infer", "/api/v1/models/fraud/events"} {
		for _, more := range []string{"", "Content-Type: application/x-ndjson\r\n", "Ce-Specversion: 1.0\r\nCe-Id: x\r\nCe-Source: /x\r\nCe-Type: t\r\n"} {
			c := &wire{w: shared}
			got := c.send(t, "POST", "POST "+path+" HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "+token(op.Admin)+"\r\n"+more+"Content-Length: 10000000000\r\n\r\n")
			c.close()
			shut(t, path, got)
			if got.status != http.StatusRequestEntityTooLarge {
				t.Errorf("%s: %d %s", path, got.status, got.body)
			}
		}
	}
}

// TestHeaders floods with headers, and with what is no HTTP.
func TestHeaders(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&many, "X-%d: %d\r\n", i, i)
	}
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + many.String() + "\r\n",
		"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n",
		"GET /" + strings.Repeat("x", 1<<20) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"POST /api/v1/models/fraud/feedback HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
		"POST /api/v1/models/fraud/feedback HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
		"POST /api/v1/models/fraud/feedback HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"POST /api/v1/models/fraud/feedback HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n",
		"POST /api/v1/models/fraud/feedback HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
		"GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", "GET\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(shared.base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		go io.WriteString(conn, request) // It may be cut off in the middle.
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil {
			b, _ := io.ReadAll(res.Body)
			res.Body.Close()
			shut(t, request[:min(80, len(request))], reply{res.StatusCode, res.Header, string(b)})
			if res.StatusCode < 400 {
				t.Errorf("%.80q: %d %.200s", request, res.StatusCode, b)
			}
		}
		conn.Close()
	}
}

// TestBoundedMemory sends the heaviest bodies there are, several at once and
// again and again: what the process holds stays bounded, and others are answered
// all the while.
func TestBoundedMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it sends hundreds of megabytes")
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	io.Copy(z, io.LimitReader(zeros{}, 256<<20))
	z.Close()
	deep := `{"rows":[` + strings.Repeat(`{"features":{"amount":[`, 20)
	heavy := []struct{ path, body, kind, encoding string }{
		{"/api/v1/models/fraud/feedback", `{"feedback":[` + strings.Repeat(`{"a":1},`, 2<<20-100), "application/json", ""},
		{"/api/v1/models/fraud/feedback", strings.Repeat("{}\n", 5<<20), "application/x-ndjson", ""},
		{"/api/v1/models/fraud/history", deep + strings.Repeat("1,", 8<<20-1000), "application/json", ""},
		{"/api/v1/models/fraud/predict", `{"rows":[` + strings.Repeat(`{"features":{}},`, 1<<20-100), "application/json", ""},
		{"/v2/models/fraud/infer", `{"inputs":[{"name":"amount","shape":[8000000],"datatype":"FP64","data":[` + strings.Repeat("1,", 8<<20-1000), "application/json", ""},
		{"/api/v1/models/fraud/feedback", bomb.String(), "application/json", "gzip"},
		{"/v2/models/fraud/infer", bomb.String(), "application/json", "gzip"},
	}
	debug.FreeOSMemory()
	before := resident(t)
	stop, peak := make(chan struct{}), before
	var others sync.WaitGroup
	served, slowest := 0, time.Duration(0)
	others.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			began := time.Now()
			got := shared.ask(t, "POST", "/api/v1/models/fraud/predict", `{"features":{"amount":1}}`, nil)
			served, slowest, peak = served+1, max(slowest, time.Since(began)), max(peak, resident(t))
			if got.status != http.StatusOK {
				t.Errorf("others are told %d %s", got.status, got.body)
				return
			}
		}
	})
	var senders sync.WaitGroup
	for range 4 {
		senders.Go(func() {
			for _, h := range heavy {
				got := shared.ask(t, "POST", h.path, h.body, func(r *http.Request) {
					as(token(op.Admin))(r)
					r.Header.Set("Content-Type", h.kind)
					if h.encoding != "" {
						r.Header.Set("Content-Encoding", h.encoding)
					}
				})
				shut(t, h.path, got)
				if got.status != http.StatusBadRequest && got.status != http.StatusRequestEntityTooLarge && got.status != http.StatusTooManyRequests {
					t.Errorf("%s %.40q: %d %.200s", h.path, h.body, got.status, got.body)
				}
			}
		})
	}
	senders.Wait()
	close(stop)
	others.Wait()
	t.Logf("%d MiB before, at most %d MiB; %d other requests, slowest %v", before>>20, peak>>20, served, slowest)
	if grown := peak - before; grown > 1<<30 {
		t.Errorf("the process grew by %d MiB", grown>>20)
	}
	if served == 0 {
		t.Error("nobody else was answered")
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// resident is what the process holds of the machine's memory, in bytes.
func resident(t *testing.T) int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Error(err)
		return 0
	}
	pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	if err != nil {
		t.Error(err)
	}
	return pages * int64(os.Getpagesize())
}
