package web

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"hone"
	"hone/internal/clock"
)

// look is how often the files of a certificate are looked at.
const look = time.Second

// Certificate is what the server shows of itself. It is read again when its
// files change; while they cannot be read, the last one stays.
type Certificate struct {
	certFile, keyFile string
	clock             clock.Clock
	log               *slog.Logger

	mu     sync.Mutex
	looked time.Time
	stamp  string // Of the files as they were read.
	now    *tls.Certificate
	err    error // Of the last reading.
}

// LoadCertificate reads a certificate and its key.
func LoadCertificate(certFile, keyFile string, c clock.Clock, log *slog.Logger) (*Certificate, error) {
	out := &Certificate{certFile: certFile, keyFile: keyFile, clock: c, log: log}
	out.stamp = out.files()
	if out.now, out.err = out.read(); out.err != nil {
		return nil, &hone.Error{Code: hone.Invalid, Message: "the certificate cannot be used: " + out.err.Error(), Hint: "look at server.tls of the configuration"}
	}
	return out, nil
}

func (c *Certificate) read() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	return &pair, err
}

// files tells one state of the files from another.
func (c *Certificate) files() (stamp string) {
	for _, path := range []string{c.certFile, c.keyFile} {
		if st, err := os.Stat(path); err == nil {
			stamp += fmt.Sprint(st.ModTime().UnixNano(), " ", st.Size(), " ")
		}
	}
	return stamp
}

// get returns the certificate as its files have it now.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	if now.Sub(c.looked) < look {
		return c.now, nil
	}
	c.looked = now
	stamp := c.files()
	if stamp == c.stamp {
		return c.now, nil
	}
	pair, err := c.read()
	// The two files change one after the other: what does not fit yet is looked
	// at again.
	if c.err = err; err != nil {
		c.log.Warn("certificate not read again; the one before stays", "error", err)
		return c.now, nil
	}
	c.now, c.stamp = pair, stamp
	c.log.Info("certificate read again", "expires", pair.Leaf.NotAfter)
	return c.now, nil
}

// soon is how long before its end a certificate is worth a word.
const soon = 14 * 24 * time.Hour

// Finding says how the certificate is, and whether that is well.
func (c *Certificate) Finding() (ok bool, sentence string) {
	pair, _ := c.get(nil)
	c.mu.Lock()
	err := c.err
	c.mu.Unlock()
	end := pair.Leaf.NotAfter.UTC()
	left := end.Sub(c.clock.Now())
	switch {
	case err != nil:
		return false, "the files of the certificate changed and cannot be read; the one before is shown: " + err.Error()
	case left <= 0:
		return false, fmt.Sprintf("the certificate expired at %s: nobody gets in.", end.Format(time.RFC3339))
	case left < soon:
		return false, fmt.Sprintf("the certificate expires at %s, in %d days.", end.Format(time.RFC3339), int(left.Hours()/24))
	}
	if st, err := os.Stat(c.keyFile); err == nil && st.Mode().Perm()&0o077 != 0 {
		return false, fmt.Sprintf("the key %s is open to others: chmod 600 closes it.", c.keyFile)
	}
	return true, fmt.Sprintf("the certificate is good until %s.", end.Format(time.RFC3339))
}

// config is how the server speaks TLS.
func (c *Certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}
