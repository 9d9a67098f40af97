package outgoing_test

import (
	"net"
	"net/netip"
	"testing"

	"hone"
	"hone/internal/outgoing"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	f := func(address string, public, private bool) {
		t.Helper()
		a := netip.MustParseAddr(address)
		if got := outgoing.Check(a, false); (got == nil) != public {
			t.Errorf("%s: %v", address, got)
		}
		got := outgoing.Check(a, true)
		if (got == nil) != private {
			t.Errorf("%s, private: %v", address, got)
		}
		if e, ok := hone.AsError(got); got != nil && (!ok || e.Code != hone.Denied || e.Hint == "") {
			t.Errorf("%s: refused with %v", address, got)
		}
	}
	for _, a := range []string{"1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:9.9.9.9"} {
		f(a, true, true)
	}
	for _, a := range []string{"127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "198.18.0.1", "::1", "fd12::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"} {
		f(a, false, true)
	}
	for _, a := range []string{"0.0.0.0", "0.1.2.3", "169.254.169.254", "::ffff:169.254.169.254", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "192.0.0.8", "::", "::127.0.0.1", "fe80::1", "fe80::1%lo",
		"fec0::1", "ff02::1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001::1", "fd00:ec2::254"} {
		f(a, false, false)
	}
}

func TestDialer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, name := range []string{"127.0.0.1", "localhost", "::ffff:127.0.0.1"} {
		at := net.JoinHostPort(name, port)
		conn, err := outgoing.Dialer(false).DialContext(t.Context(), "tcp", at)
		if e, ok := hone.AsError(err); !ok || e.Code != hone.Denied {
			t.Errorf("%s: got %v, %v", at, conn, err)
		}
		conn, err = outgoing.Dialer(true).DialContext(t.Context(), "tcp", at)
		if err != nil {
			t.Errorf("%s, private: %v", at, err)
			continue
		}
		conn.Close()
	}
	if _, err := outgoing.Dialer(true).DialContext(t.Context(), "udp", "127.0.0.1:53"); err == nil {
		t.Error("a datagram would be sent")
	}
}
