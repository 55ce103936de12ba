package msm

import (
	"encoding/binary"
	"math/bits"

	"filippo.io/edwards25519"
)

// bitsOf returns a scalar in words, the low one first, and one word of zeros more.
func bitsOf(s *edwards25519.Scalar) (words [5]uint64) {
	b := s.Bytes()
	for i := range 4 {
		words[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return words
}

func wordsOf(scalars []*edwards25519.Scalar) [][5]uint64 {
	words := make([][5]uint64, len(scalars))
	for i, s := range scalars {
		words[i] = bitsOf(s)
	}
	return words
}

// bitLen returns the length in bits of the longest scalar.
func bitLen(scalars [][5]uint64) int {
	longest := 0
	for i := range scalars {
		for j := 3; j >= 0 && 64*(j+1) > longest; j-- {
			if scalars[i][j] != 0 {
				longest = max(longest, 64*j+bits.Len64(scalars[i][j]))
				break
			}
		}
	}
	return longest
}

// window returns the width bits, below 64, from bit position on.
func window(words *[5]uint64, position, width int) uint64 {
	word, shift := position/64, position%64
	value := words[word] >> shift
	if shift+width > 64 {
		value |= words[word+1] << (64 - shift)
	}
	return value & (1<<width - 1)
}

// writeNAF writes the digits of a width-w non-adjacent form: odd, below
// 2^(w-1) in magnitude, and no two of them within w positions. Digit i
// goes to digits[i*stride]; there are 256 of them.
func writeNAF(digits []int8, stride int, words *[5]uint64, w int) {
	carry := uint64(0)
	for i := 0; i < 256; {
		value := carry + window(words, i, w)
		if value&1 == 0 {
			i++
			continue
		}
		digit := int(value)
		carry = 0
		if value >= 1<<(w-1) {
			digit -= 1 << w
			carry = 1
		}
		digits[i*stride] = int8(digit)
		i += w
	}
}

// signedWindows returns the digits of a scalar in base 2^width, from -2^(width-1) to
// 2^(width-1), in as many windows as are asked for.
func signedWindows(words *[5]uint64, width, count int) []int16 {
	digits := make([]int16, count)
	carry := 0
	for i := range digits {
		digit := carry
		if position := i * width; position < 256 {
			digit += int(window(words, position, width))
		}
		carry = 0
		if digit > 1<<(width-1) {
			digit -= 1 << width
			carry = 1
		}
		digits[i] = int16(digit)
	}
	return digits
}
