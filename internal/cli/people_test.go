package cli_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"hone/internal/clock"
)

// TestPeople lets people in and shows them out, at a server that others reach by
// a name: it speaks TLS and lets nobody in without a token.
func TestPeople(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.certificate()
	d.write("hone.yaml", strings.Replace(configured, "server: {data: data}", "server: {data: data, hosts: [hone.example], tls: {cert: hone.pem, key: hone.key}}", 1))
	d.play("people.txt")
}

// certificate writes one that signs itself.
func (d *desk) certificate() {
	d.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		d.t.Fatal(err)
	}
	now := clock.System{}.Now()
	leaf := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"hone.example"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(90 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, &key.PublicKey, key)
	if err != nil {
		d.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		d.t.Fatal(err)
	}
	d.write("hone.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	d.write("hone.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}
