// Package outgoing opens connections to servers that others run, and to no address
// that they should not lead to. What is said to them is left to its callers.
package outgoing

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"hone"
)

// dialTime bounds how long a connection may take to open.
const dialTime = 5 * time.Second

// Dialer opens connections to public addresses, and with private also to those of
// this machine and of private networks. A name is judged by the address that it led
// to, at the moment of the connection: one that later leads elsewhere is judged anew.
func Dialer(private bool) *net.Dialer {
	return &net.Dialer{Timeout: dialTime, KeepAlive: 30 * time.Second, Control: func(network, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || network != "tcp4" && network != "tcp6" {
			return &hone.Error{Code: hone.Denied, Message: fmt.Sprintf("%s %s is not called", network, address), Hint: "name a host and a port"}
		}
		return Check(at.Addr(), private)
	}}
}

// Blocks that no server is found at: the cloud's own about a machine, those that
// lead to many or to nobody, and those that wrap an address of another kind.
var never = prefixes("0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fe80::/10", "fec0::/10", "ff00::/8", "fd00:ec2::/32")

// own are the blocks of this machine and of private networks.
var own = prefixes("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "::1/128", "fc00::/7")

// Check returns why an address is not called, or nil.
func Check(a netip.Addr, private bool) error {
	a = a.Unmap().WithZone("")
	for _, p := range never {
		if p.Contains(a) && a != netip.IPv6Loopback() {
			return &hone.Error{Code: hone.Denied, Message: a.String() + " is no address of a server", Hint: "link-local, multicast and reserved addresses are never called"}
		}
	}
	for _, p := range own {
		if p.Contains(a) && !private {
			return &hone.Error{Code: hone.Denied, Message: a.String() + " is a private address", Hint: "if this is meant, write private: true beside the server in the configuration"}
		}
	}
	return nil
}

func prefixes(texts ...string) (out []netip.Prefix) {
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}
