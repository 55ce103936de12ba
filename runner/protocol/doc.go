// Package protocol runs distributed key generation and signing between members
// over a [Transport], with frost-client's messages: what leaves a member equals
// what frost-client of ZcashFoundation/frost-tools sends, byte for byte, so that
// groups may mix the two programs.
//
// Every inbound message passes one gate, which checks sender, size, shape and
// repetition. Early messages are kept, identical repeats ignored; two different
// messages in one place are equivocation. What cannot be read is dropped,
// counted and reported with its sender, and ends nothing. Every wait ends with
// its context and then names who is missing ([MissingError]); provable
// misbehaviour names its culprits ([CulpritError]).
//
// The messages of frost-client are bound to the members' communication keys
// ([Seal]) but not to a session; the doc comment of [CulpritError] says what
// follows.
package protocol
