//go:build !linux

package testscripts

import "errors"

// runAlone runs a program in the common network: only Linux gives it one of its own.
func runAlone() int { return inCommon(errors.ErrUnsupported) }

func holder(int) string { return "a process" }
