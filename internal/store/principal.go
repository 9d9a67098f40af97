package store

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"hone"
	"hone/internal/fault"
)

// admin is the role that a folder must never be without.
const admin = "admin"

// holder is a principal as it is kept in memory. Used is when its token was last
// seen; it reaches the file now and then.
type holder struct {
	hone.Principal
	token [sha256.Size]byte
	used  atomic.Int64
}

// holders are all principals by the SHA-256 of their token. The map is never
// changed: a commit that changes a principal puts a new one in its place, so
// that a revoked token is refused from then on.
type holders map[[sha256.Size]byte]*holder

// PrincipalByToken returns whose token this is. It fails with Unknown where
// nobody's is, or it was revoked, or its time is over. Nothing of the token can
// be told by how long that takes: it is only looked for by its hash.
func (db *DB) PrincipalByToken(token string) (hone.Principal, error) {
	sum := sha256.Sum256([]byte(token))
	h, ok := (*db.principals.Load())[sum]
	if !ok || subtle.ConstantTimeCompare(h.token[:], sum[:]) != 1 || !h.Revoked.IsZero() {
		return hone.Principal{}, &hone.Error{Code: hone.Unknown, Message: "nobody has this token", Hint: "ask an admin for one: `hone principal add`"}
	}
	now := db.o.Clock.Now()
	if !h.Expires.IsZero() && !now.Before(h.Expires) {
		return hone.Principal{}, &hone.Error{Code: hone.Unknown, Message: "the token of " + h.Name + " has expired", Hint: "ask an admin for a new one: `hone principal rotate " + h.Name + "`"}
	}
	h.used.Store(now.UnixNano())
	return h.Principal, nil
}

// Principals lists everybody who has or had a token, by name.
func (db *DB) Principals() []hone.Principal {
	var out []hone.Principal
	for h := range maps.Values(*db.principals.Load()) {
		p := h.Principal
		if n := h.used.Load(); n != 0 {
			p.LastUsed = time.Unix(0, n).UTC()
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b hone.Principal) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// SaveLastUsed writes down when each token was last seen.
func (db *DB) SaveLastUsed(ctx context.Context) error {
	return db.change(ctx, db.fence, "write down when tokens were last seen", func(s *session) error {
		for h := range maps.Values(*db.principals.Load()) {
			n := h.used.Load()
			if n == 0 {
				continue
			}
			const query = "UPDATE principal SET last_used = ? WHERE name = ? AND coalesce(last_used, 0) < ?"
			if _, err := s.tx.ExecContext(s.ctx, query, n, h.Name, n); err != nil {
				return err
			}
		}
		return nil
	})
}

// readPrincipals reads all of them; was has those known so far, whose last use
// goes on.
func readPrincipals(ctx context.Context, q querier, was holders) (holders, error) {
	rows, err := q.QueryContext(ctx, "SELECT name, role, token_sha256, created, revoked, kind, models, data, expires, last_used FROM principal")
	if err != nil {
		return nil, fmt.Errorf("read principals: %w", err)
	}
	defer rows.Close()
	used := map[string]int64{}
	for h := range maps.Values(was) {
		used[h.Name] = h.used.Load()
	}
	out := holders{}
	for rows.Next() {
		var p hone.Principal
		var created int64
		var revoked, expires, last sql.NullInt64
		var models sql.NullString
		if err := rows.Scan(&p.Name, &p.Role, &p.Token, &created, &revoked, &p.Kind, &models, &p.Data, &expires, &last); err != nil {
			return nil, fmt.Errorf("read principals: %w", err)
		}
		p.Created, p.Revoked, p.Expires = time.Unix(0, created).UTC(), atNanos(revoked), atNanos(expires)
		if models.Valid {
			if err := json.Unmarshal([]byte(models.String), &p.Models); err != nil {
				return nil, fmt.Errorf("read the models of %s: %w", p.Name, err)
			}
		}
		h := &holder{Principal: p}
		if _, err := hex.Decode(h.token[:], []byte(p.Token)); err != nil {
			return nil, fmt.Errorf("read the token of %s: %w", p.Name, err)
		}
		h.used.Store(max(last.Int64, used[p.Name]))
		out[h.token] = h
	}
	return out, rows.Err()
}

func atNanos(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.Unix(0, n.Int64).UTC()
}

func nullNanos(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixNano(), Valid: !t.IsZero()}
}

// putPrincipal stores one under its name. An admin whose token never ends must
// be left: else nobody could ever make another.
func (s *session) putPrincipal(p hone.Principal) error {
	if p.Name == "" || p.Role == "" || !isDigest(p.Token) {
		return &hone.Error{Code: hone.Invalid, Message: "a principal needs a name, a role and the SHA-256 of a token"}
	}
	var models sql.NullString
	if len(p.Models) > 0 {
		b, err := json.Marshal(p.Models)
		if err != nil {
			return err
		}
		models = sql.NullString{String: string(b), Valid: true}
	}
	before, err := s.lastingAdmins()
	if err != nil {
		return err
	}
	err = s.exec("store principal "+p.Name, `INSERT INTO principal (name, role, token_sha256, created, revoked, kind, models, data, expires)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET role = excluded.role, token_sha256 = excluded.token_sha256,
		created = excluded.created, revoked = excluded.revoked, kind = excluded.kind, models = excluded.models, data = excluded.data, expires = excluded.expires`,
		p.Name, p.Role, p.Token, p.Created.UnixNano(), nullNanos(p.Revoked), p.Kind, models, p.Data, nullNanos(p.Expires))
	if isUnique(err) {
		return &hone.Error{Code: hone.Conflict, Message: "another principal has this token", Hint: "draw a new one"}
	}
	if err != nil {
		return err
	}
	if err := fault.At(fault.SavePrincipal); err != nil {
		return err
	}
	after, err := s.lastingAdmins()
	if err == nil && before > 0 && after == 0 {
		return &hone.Error{Code: hone.Conflict, Message: p.Name + " is the last admin whose token never expires", Hint: "make another one first: `hone principal add NAME --role admin`"}
	}
	return err
}

func (s *session) lastingAdmins() (n int, err error) {
	const query = "SELECT count(*) FROM principal WHERE role = ? AND revoked IS NULL AND expires IS NULL AND models IS NULL"
	if err = s.tx.QueryRowContext(s.ctx, query, admin).Scan(&n); err != nil {
		err = errors.Join(errors.New("count the admins"), err)
	}
	return n, err
}
