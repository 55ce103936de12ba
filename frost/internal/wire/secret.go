package wire

import (
	"frostkit/frost/internal/group"
	"frostkit/frost/internal/secret"
)

// EncodeSecretJSON does what [EncodeJSON] does with secret values, within [secret.Do].
func EncodeSecretJSON(s Suite, fields []Field) (b []byte) {
	secret.Do(func() { b = EncodeJSON(s, fields) })
	return b
}

// EncodeSecretPostcard does what [EncodePostcard] does with secret values, within [secret.Do].
func EncodeSecretPostcard(s Suite, fields []Field) (b []byte) {
	secret.Do(func() { b = EncodePostcard(s, fields) })
	return b
}

// DecodeSecretJSON does what [DecodeJSON] does with secret values, within [secret.Do].
func DecodeSecretJSON(s Suite, data []byte, fields ...Field) (err error) {
	secret.Do(func() { err = DecodeJSON(s, data, fields...) })
	return err
}

// DecodeSecretPostcard does what [DecodePostcard] does with secret values, within [secret.Do].
func DecodeSecretPostcard(s Suite, data []byte, fields ...Field) (err error) {
	secret.Do(func() { err = DecodePostcard(s, data, fields...) })
	return err
}

// DecodeSecretScalarJSON does what [DecodeScalarJSON] does with a secret, within [secret.Do].
func DecodeSecretScalarJSON(s Suite, data []byte, name string, x *group.Scalar) (err error) {
	secret.Do(func() { err = DecodeScalarJSON(s, data, name, x) })
	return err
}
