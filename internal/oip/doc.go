// Package oip holds the messages and the service of the Open Inference Protocol v2
// over gRPC, reads the elements of its tensors, and maps failures to its codes. Who
// serves it and who calls it is left to gateway and predictor.
//
// The messages are made from inference.proto by protoc 31 or later, which the
// package grpcio-tools of PyPI brings:
//
//	go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
//	go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.0
//	python -m grpc_tools.protoc -I internal/oip --go_out=internal/oip --go_opt=paths=source_relative \
//		--go-grpc_out=internal/oip --go-grpc_opt=paths=source_relative internal/oip/inference.proto
package oip
