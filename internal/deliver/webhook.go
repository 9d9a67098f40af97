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
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hone"
	"hone/internal/outgoing"
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
	transport := &http.Transport{DialContext: outgoing.Dialer(d.Private).DialContext, DisableKeepAlives: true, TLSHandshakeTimeout: sendTime}
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
