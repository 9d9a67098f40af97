//go:build !linux

package command_test

// kernelAttacks are known of Linux only, where there is a sandbox.
func kernelAttacks() map[string]try { return nil }
