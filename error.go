package hone

import "errors"

// Code classes a failure by what the caller can do about it.
type Code string

// The codes, and the HTTP status each becomes.
const (
	Invalid     Code = "invalid"     // 400: mend the request.
	Unknown     Code = "unknown"     // 401: send the token of somebody who is known.
	Denied      Code = "denied"      // 403: another role is needed.
	NotFound    Code = "not_found"   // 404
	Conflict    Code = "conflict"    // 409: the state has moved on; look again.
	TooLarge    Code = "too_large"   // 413
	Overloaded  Code = "overloaded"  // 429: wait, then repeat.
	Unavailable Code = "unavailable" // 503: not now; repeating is harmless.
	Internal    Code = "internal"    // 500: the log has the cause.
)

// Error is a failure that a caller may act on. Anything else that is returned
// counts as internal, and its text stays in the log.
type Error struct {
	Code    Code
	Message string // What was wrong, and where.
	Hint    string // What to do next.
}

func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + ": " + e.Hint
}

// AsError returns the Error that err is or wraps, and whether there is one.
func AsError(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}
