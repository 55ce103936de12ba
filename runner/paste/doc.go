// Package paste carries the messages of a run without a relay: each is printed
// as an armoured block, which people copy into a chat or a mail, and which its
// receiver pastes.
//
// Blocks are sealed ([Seal]), so that the chat need not be trusted with what
// they say. What is pasted is: text of others may stand around the blocks, lines
// may be quoted and indented, blocks may come early, twice, or be for somebody
// else. Text that others wrote therefore never answers a question; see
// [Console.Listen].
package paste
