// Package native runs frostkit's own protocol between the members of a ceremony
// over a [protocol.Transport]: key generation by COCKTAIL-DKG v0.2
// (c2sp.org/cocktail-dkg) with a greeting before, new attempts, shares that are
// stored before anybody relies on them and confirmations after; and signing
// (RFC 9591) by the first who answer. docs/protocol.md specifies it.
//
// Every message is authenticated by its sender's communication key and tied to
// the session. Those of the key generation are signed and broadcast as they are,
// so that they are evidence to everybody; those of a signing are sealed. A
// message that is lost is asked for again, one that is repeated is ignored, and
// one that comes early waits, so that latency costs time and nothing else.
package native
