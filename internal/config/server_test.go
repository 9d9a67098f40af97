package config_test

import (
	"strings"
	"testing"

	"hone"
	"hone/internal/config"
)

// TestAt gives the server another address than the file's.
func TestAt(t *testing.T) {
	t.Parallel()
	certified := config.TLS{Cert: "a.pem", Key: "a.key"}
	f := func(s config.Server, listen, anonymous, says string) {
		t.Helper()
		if s.Anonymous == "" {
			s.Anonymous = "feedback"
		}
		got, err := s.At(listen)
		if e, ok := hone.AsError(err); says != "" && (!ok || e.Code != hone.Invalid || e.Hint == "" || !strings.Contains(e.Message, says)) {
			t.Errorf("%+v at %q: %v, want %q", s, listen, err, says)
		}
		if says == "" && (err != nil || got.Anonymous != anonymous || listen != "" && got.Listen != listen) {
			t.Errorf("%+v at %q: %+v, %v", s, listen, got, err)
		}
	}
	home := config.Server{Listen: "127.0.0.1:8420"}
	f(home, "", "feedback", "")
	f(home, "127.0.0.1:0", "feedback", "")
	f(home, "[::1]:9000", "feedback", "")
	f(home, "localhost:9000", "feedback", "")
	for _, everywhere := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.168.1.1:0", "8.8.8.8:80", "[::ffff:10.0.0.1]:1"} {
		f(home, everywhere, "", "not an address of this machine alone")
		f(config.Server{Listen: home.Listen, TLS: certified}, everywhere, "", "nothing says by which name")
		f(config.Server{Listen: home.Listen, BehindProxy: true}, everywhere, "", "nothing says by which name")
		f(config.Server{Listen: home.Listen, TLS: certified, Hosts: []string{"hone.example"}}, everywhere, "none", "")
		f(config.Server{Listen: home.Listen, BehindProxy: true, Hosts: []string{"hone.example"}, Anonymous: "none"}, everywhere, "none", "")
	}
	for _, bad := range []string{"nonsense", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:-1", "127.0.0.1:65536", "127.0.0.1:01"} {
		f(home, bad, "", "listen wants an address and a port")
	}
	f(home, "example.com:80", "", "is not an address of this machine")
}
