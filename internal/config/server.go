package config

import (
	"fmt"
	"net"
	"regexp"
	"strconv"

	"hone"
)

// serverFault is what is wrong with how Hone is to be reached.
type serverFault struct{ key, message, hint string }

var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62}(\.[a-z0-9-]{1,63})*)?$`)

// fault returns what is wrong with how Hone is to be reached, or nil.
func (s Server) fault() *serverFault {
	host, port, err := net.SplitHostPort(s.Listen)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || strconv.FormatUint(n, 10) != port {
		return &serverFault{"listen", fmt.Sprintf("listen wants an address and a port, not %q", clip(s.Listen, 40)), "write 127.0.0.1:8420"}
	}
	if host != "" && host != "localhost" && net.ParseIP(host) == nil {
		return &serverFault{"listen", fmt.Sprintf("%q is not an address of this machine", clip(s.Listen, 40)), "write 127.0.0.1:" + port + ", or 0.0.0.0:" + port + " for all of its addresses"}
	}
	for i, h := range s.Hosts {
		if !hostName.MatchString(h) && net.ParseIP(h) == nil {
			return &serverFault{fmt.Sprintf("hosts[%d]", i), fmt.Sprintf("%q is not the name of a host", clip(h, 40)), "write it in lower case, without port, as in hone.example"}
		}
	}
	switch {
	case s.Away() && s.TLS == TLS{} && !s.BehindProxy:
		return &serverFault{"listen", fmt.Sprintf("%q is not an address of this machine alone", clip(s.Listen, 40)),
			"add tls: {cert: …, key: …} and hosts, or write 127.0.0.1:" + port + " and let a proxy that knows its users stand before it"}
	case (s.Away() || s.BehindProxy) && len(s.Hosts) == 0:
		return &serverFault{"hosts", "nothing says by which name Hone is called from elsewhere", "add hosts: [hone.example]"}
	case s.Anonymous == "feedback" && s.anonymous() == "none":
		return &serverFault{"anonymous", "others than those on this machine reach Hone, and must have a token", "write anonymous: none"}
	}
	return nil
}

// Away tells whether others than this machine's programs reach the address that
// Hone listens on.
func (s Server) Away() bool {
	host, _, _ := net.SplitHostPort(s.Listen)
	ip := net.ParseIP(host)
	return host != "localhost" && (ip == nil || !ip.IsLoopback())
}

// anonymous is what holds where the file does not say.
func (s Server) anonymous() string {
	if s.Away() || s.BehindProxy || len(s.Hosts) > 0 {
		return "none"
	}
	return "feedback"
}

// At returns the server with another address to listen on, where that is given,
// or what is wrong with it there.
func (s Server) At(listen string) (Server, error) {
	if listen == "" {
		return s, nil
	}
	s.Listen = listen
	if s.Anonymous == "feedback" {
		s.Anonymous = s.anonymous()
	}
	if f := s.fault(); f != nil {
		return s, &hone.Error{Code: hone.Invalid, Message: f.message, Hint: "in the configuration, under server: " + f.hint}
	}
	return s, nil
}
