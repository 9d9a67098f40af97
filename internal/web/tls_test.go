package web_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hone"
	"hone/internal/clock"
	"hone/internal/op"
	"hone/internal/web"
)

// sign writes a certificate that signs itself, with its key, and returns it.
func sign(t *testing.T, dir string, serial int64, from, until time.Time) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "hone.example"}, DNSNames: []string{"hone.example"}, NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"hone.pem": {Type: "CERTIFICATE", Bytes: der}, "hone.key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if leaf, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return leaf
}

// away is a Hone with TLS that is called by a name.
func away(t *testing.T) (*world, *x509.Certificate) {
	t.Helper()
	dir := t.TempDir()
	now := clock.System{}.Now()
	leaf := sign(t, dir, 1, now.Add(-time.Hour), now.Add(30*24*time.Hour))
	w, err := open(filepath.Join(dir, "data"), fmt.Sprintf("hosts: [hone.example], tls: {cert: %q, key: %q}", filepath.Join(dir, "hone.pem"), filepath.Join(dir, "hone.key")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	w.base = strings.Replace(w.base, "http:", "https:", 1)
	w.trust(leaf, 0)
	return w, leaf
}

// trust makes the client know one certificate, and speak no newer TLS than most.
func (w *world) trust(leaf *x509.Certificate, most uint16) {
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	w.http.CloseIdleConnections()
	w.http.Transport = &http.Transport{DisableKeepAlives: true, ForceAttemptHTTP2: most == 0, TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "hone.example", MaxVersion: most, MinVersion: tls.VersionTLS10}}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	w, leaf := away(t)
	admin := as(token(op.Admin))
	for host, want := range map[string]string{"hone.example": "max-age=31536000", "localhost": ""} {
		got := w.ask(t, "GET", "/api/v1/status", "", func(r *http.Request) {
			admin(r)
			r.Host = host
		})
		if got.status != http.StatusOK || got.header.Get("Strict-Transport-Security") != want {
			t.Errorf("%s: %d %v", host, got.status, got.header)
		}
	}
	if got := w.ask(t, "GET", "/api/v1/status", "", nil); got.status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", got.status)
	}
	for version, ok := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		w.trust(leaf, version)
		res, err := w.http.Get(w.base + "/v2/health/live")
		if (err == nil) != ok {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			res.Body.Close()
		}
	}
	w.trust(leaf, 0)
	plain, err := http.Get(strings.Replace(w.base, "https:", "http:", 1) + "/api/v1/status")
	if err != nil {
		t.Fatal(err)
	}
	plain.Body.Close()
	if plain.StatusCode != http.StatusBadRequest {
		t.Errorf("plain HTTP: %d", plain.StatusCode)
	}
}

// TestForeignPagesOfAHost sends what a hostile page could send to a Hone that is
// called by a name.
func TestForeignPagesOfAHost(t *testing.T) {
	t.Parallel()
	w, _ := away(t)
	port := w.base[strings.LastIndex(w.base, ":"):]
	ask := func(method, host string, headers map[string]string) int {
		t.Helper()
		return w.ask(t, method, "/api/v1/models/nothing/runs", "{}", func(r *http.Request) {
			as(token(op.Admin))(r)
			r.Host = host
			for k, v := range headers {
				r.Header.Set(k, v)
			}
		}).status
	}
	for _, host := range []string{"hone.example", "HONE.example" + port, "localhost" + port, "127.0.0.1"} {
		if got := ask("GET", host, nil); got != http.StatusNotFound {
			t.Errorf("Host %s: %d", host, got)
		}
	}
	for _, host := range []string{"evil.example", "hone.example.evil.example", "xhone.example", "hone.example.", "example", "10.0.0.1", "0.0.0.0", "[::]"} {
		if got := ask("GET", host, nil); got != http.StatusForbidden && got != http.StatusBadRequest {
			t.Errorf("Host %s: %d", host, got)
		}
	}
	own := "https://hone.example" + port
	if got := ask("POST", "hone.example"+port, map[string]string{"Origin": own, "Sec-Fetch-Site": "same-origin"}); got != http.StatusNotFound {
		t.Errorf("from the own page: %d", got)
	}
	if got := ask("POST", "hone.example"+port, map[string]string{"Origin": own}); got != http.StatusNotFound {
		t.Errorf("from the own page of an old browser: %d", got)
	}
	for _, h := range []map[string]string{{"Origin": "null"}, {"Origin": "https://evil.example"}, {"Origin": "https://hone.example:1"}, {"Origin": own + ".evil.example"}, {"Origin": "https://evil.example/" + own},
		{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"}, {"Sec-Fetch-Site": "cross-site", "Content-Type": "application/x-www-form-urlencoded"}} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			if got := ask(method, "hone.example"+port, h); got != http.StatusForbidden {
				t.Errorf("%s with %v: %d", method, h, got)
			}
		}
	}
}

// TestCertificateIsReadAgain changes the files of a certificate as a renewal
// does, once badly.
func TestCertificateIsReadAgain(t *testing.T) {
	t.Parallel()
	dir, start := t.TempDir(), clock.System{}.Now()
	hands := clock.NewFake(start)
	cert, key := filepath.Join(dir, "hone.pem"), filepath.Join(dir, "hone.key")
	if _, err := web.LoadCertificate(cert, key, hands, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a certificate that is not there was read")
	}
	sign(t, dir, 1, start.Add(-time.Hour), start.Add(20*24*time.Hour))
	c, err := web.LoadCertificate(cert, key, hands, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s := web.New(web.Options{Listen: "127.0.0.1:0", Certificate: c, Service: &op.Service{Clock: hands}, Principals: nobody{}, Metrics: http.NotFoundHandler(), Predict: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler)})
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	shown := func(want int64) {
		t.Helper()
		hands.Advance(2 * time.Second)
		conn, err := tls.Dial("tcp", s.Addr(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if got := conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(); got != want {
			t.Errorf("it shows certificate %d, want %d", got, want)
		}
	}
	finding := func(well bool, says string) {
		t.Helper()
		hands.Advance(2 * time.Second)
		if ok, sentence := c.Finding(); ok != well || !strings.Contains(sentence, says) {
			t.Errorf("%v %q, want %v %q", ok, sentence, well, says)
		}
	}
	shown(1)
	finding(true, "good until")
	if err := os.WriteFile(cert, []byte("half a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	shown(1)
	finding(false, "cannot be read")
	sign(t, dir, 2, start.Add(-time.Hour), start.Add(15*24*time.Hour))
	shown(2)
	finding(true, "good until")
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	finding(false, "open to others")
	hands.Advance(2 * 24 * time.Hour)
	finding(false, "in 12 days")
	hands.Advance(14 * 24 * time.Hour)
	finding(false, "expired")
}

// TestDoctorLooksAtTheCertificate asks the doctor of a Hone with TLS.
func TestDoctorLooksAtTheCertificate(t *testing.T) {
	t.Parallel()
	w, _ := away(t)
	if got := w.ask(t, "GET", "/api/v1/doctor", "", as(token(op.Admin))); !strings.Contains(got.body, "the certificate is good until") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// slow is a server whose requests must come within a moment.
func slow(t *testing.T, body time.Duration) *web.Server {
	t.Helper()
	s := web.New(web.Options{Listen: "127.0.0.1:0", Anonymous: true, BodyTime: body, Service: shared.app.Service(), Principals: nobody{}, Metrics: http.NotFoundHandler(), Predict: http.NotFoundHandler(),
		Changes: nil, Log: slog.New(slog.DiscardHandler)})
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// TestSlowBody begins a body and never ends it.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	s := slow(t, 300*time.Millisecond)
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /api/v1/models/price/feedback HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
	answer, err := io.ReadAll(conn) // Until the server closes.
	if err != nil || !strings.Contains(string(answer), "400 Bad Request") {
		t.Errorf("%v %s", err, answer)
	}
}

// TestSmallChunks sends three megabytes one byte at a time.
func TestSmallChunks(t *testing.T) {
	t.Parallel()
	conn, err := net.Dial("tcp", shared.app.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	out := bufio.NewWriterSize(conn, 1<<16)
	fmt.Fprintf(out, "POST /api/v1/models/price/predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
	body := `{"features":{"size":1},"prediction_id":"` + strings.Repeat("x", 3<<20)
	for i := range len(body) {
		fmt.Fprintf(out, "1\r\n%c\r\n", body[i])
	}
	fmt.Fprintf(out, "0\r\n\r\n")
	if err := out.Flush(); err != nil && !strings.Contains(err.Error(), "reset") && !strings.Contains(err.Error(), "broken pipe") {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400") {
		t.Errorf("%v %.300s", err, answer)
	}
	if got := shared.ask(t, "GET", "/api/v1/status", "", nil); got.status != http.StatusOK {
		t.Errorf("after it: %d", got.status)
	}
}

// TestIdleConnections holds two thousand connections that say nothing, or half
// of a header: others are answered all the while.
func TestIdleConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("it opens thousands of connections")
	}
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil || files.Cur < 10_000 {
		t.Skipf("only %d files may be open, and both ends of 2000 connections need more: %v", files.Cur, err)
	}
	t.Parallel()
	w := fresh(t)
	for i := range 2000 {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", w.app.Addr())
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		defer conn.Close()
		if i%2 == 0 {
			fmt.Fprintf(conn, "GET /api/v1/status HTTP/1.1\r\nHost: loc")
		}
		if i%100 == 0 {
			if got := w.ask(t, "GET", "/api/v1/status", "", nil); got.status != http.StatusOK {
				t.Fatalf("beside %d connections: %d", i, got.status)
			}
		}
	}
}

// TestTooManyAtOnce has one caller read more streams than may be open, and
// another caller go on.
func TestTooManyAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("it opens hundreds of streams")
	}
	t.Parallel()
	w := fresh(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	held, let := 0, 0
	for range 520 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base+"/api/v1/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		as(token(op.Viewer))(req)
		res, err := w.http.Transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		switch res.StatusCode {
		case http.StatusOK:
			let++
		case http.StatusTooManyRequests:
			held++
			if res.Header.Get("Retry-After") == "" {
				t.Error("it does not say when to come again")
			}
		}
	}
	if let != 512 || held != 8 {
		t.Errorf("%d streams, %d refused", let, held)
	}
	if got := w.ask(t, "GET", "/api/v1/status", "", as(token(op.Operator))); got.status != http.StatusOK {
		t.Errorf("another caller: %d", got.status)
	}
}

// TestStartsOnlyBehindADoor builds servers that would let everybody in.
func TestStartsOnlyBehindADoor(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]web.Options{"plain": {}, "anonymous": {Anonymous: true, Plain: true}, "both": {Anonymous: true}} {
		o.Listen, o.Service, o.Metrics, o.Predict, o.Log = "0.0.0.0:0", shared.app.Service(), http.NotFoundHandler(), http.NotFoundHandler(), slog.New(slog.DiscardHandler)
		s := web.New(o)
		err := s.Start(t.Context())
		s.Stop()
		if e, ok := hone.AsError(err); !ok || e.Code != hone.Invalid || e.Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
