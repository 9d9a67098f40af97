package deliver

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"hone"
	"hone/internal/secret"
)

const (
	// sendTime is how long a webhook may take to answer, and mostAnswer how much of the
	// answer is read.
	sendTime   = 15 * time.Second
	mostAnswer = 64 << 10
	// keyPrefix begins a secret as Standard Webhooks has it; what follows is base64.
	keyPrefix = "whsec_"
	eventType = "hone.plan"
)

// message is the body of a webhook. It is the same at each try.
type message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      Parcel    `json:"data"`
}

// Sign returns the signature of a webhook as Standard Webhooks has it: HMAC-SHA256 over
// id, timestamp and body, each but the last with a full stop behind it.
func Sign(key []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", id, timestamp)
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// key reads a secret such as whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw.
func (p Post) key(s hone.Secret) ([]byte, error) {
	text, err := secret.Resolve(s, p.Dir)
	if e, ok := hone.AsError(err); ok {
		return nil, failed(e.Hint, "deliver.secret: %s", e.Message)
	}
	if err != nil {
		return nil, err
	}
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), keyPrefix)
	key, err := base64.StdEncoding.DecodeString(rest)
	if !ok || err != nil || len(key) < 24 || len(key) > 64 {
		return nil, failed(`make one with: printf 'whsec_%s' "$(head -c 32 /dev/urandom | base64)"`, "deliver.secret is no key of a webhook: whsec_ and the base64 of 24 to 64 bytes")
	}
	return key, nil
}

// send posts the parcel, signed. Any answer but a 2xx is a failure, a redirection too:
// what was signed for one address goes to no other.
func (p Post) send(ctx context.Context, d hone.Delivery, parcel Parcel) error {
	key, err := p.key(d.Secret)
	if err != nil {
		return err
	}
	body, err := json.Marshal(message{eventType, parcel.At, parcel})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.Webhook, bytes.NewReader(body))
	if err != nil {
		return failed("look at deliver.webhook", "the webhook is no address")
	}
	at := strconv.FormatInt(p.Clock.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "hone")
	req.Header.Set("webhook-id", parcel.ID)
	req.Header.Set("webhook-timestamp", at)
	req.Header.Set("webhook-signature", Sign(key, parcel.ID, at, body))
	transport := &http.Transport{DialContext: (&net.Dialer{Control: allowed(d.Private)}).DialContext, DisableKeepAlives: true, TLSHandshakeTimeout: sendTime}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return unsent(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, mostAnswer)); err != nil {
		return unsent(err)
	}
	if res.StatusCode/100 == 3 {
		return failed("name the address that it redirects to", "the webhook answered %d: redirections are not followed", res.StatusCode)
	}
	if res.StatusCode/100 != 2 {
		return failed("its server's log has the cause", "the webhook answered %d", res.StatusCode)
	}
	return nil
}

// unsent says why a webhook did not come through, without its address, in which there
// may be a token.
func unsent(err error) error {
	if e, ok := hone.AsError(err); ok {
		return e
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return failed("is its server up, and reached from here?", "the webhook does not answer: %v", err)
}

// allowed refuses to connect to addresses that are not everybody's, whatever name led
// there. It looks at the address that is dialled, so that no name can change meanwhile.
func allowed(private bool) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if private || Public(at.Addr()) {
			return nil
		}
		return failed("write private: true where the webhook is a server of yours", "the webhook is at %s, which is a private address", at.Addr())
	}
}

// notPublic are the blocks that no server of the internet has, beyond those that
// netip knows: shared, protocol assignments, documentation, benchmarks, reserved, and
// those in which an IPv4 address is wrapped.
var notPublic = func() (out []netip.Prefix) {
	for _, s := range []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10"} {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}()

// Public tells whether an address is one that everybody reaches.
func Public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range notPublic {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
