//go:build !unix

package boltstore

func checkOwner(string, int) error { return nil }
