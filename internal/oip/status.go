package oip

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hone"
)

// Status is what a caller is told of an error over gRPC. What is internal says
// nothing about the inside.
func Status(err error) *status.Status {
	e, ok := hone.AsError(err)
	switch {
	case ok:
		return status.New(codeOf(e.Code), e.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return status.New(codes.DeadlineExceeded, "there was no answer in time")
	case errors.Is(err, context.Canceled):
		return status.New(codes.Canceled, "the request was given up")
	}
	return status.New(codes.Internal, "something went wrong inside: the server's log has the cause")
}

// codeOf is the only place where codes of Hone become those of gRPC. What is too
// large stays so when it is repeated, and is therefore no exhausted resource.
func codeOf(c hone.Code) codes.Code {
	switch c {
	case hone.Invalid, hone.TooLarge:
		return codes.InvalidArgument
	case hone.Unknown:
		return codes.Unauthenticated
	case hone.Denied:
		return codes.PermissionDenied
	case hone.NotFound:
		return codes.NotFound
	case hone.Conflict:
		return codes.Aborted
	case hone.Overloaded:
		return codes.ResourceExhausted
	case hone.Unavailable:
		return codes.Unavailable
	}
	return codes.Internal
}
