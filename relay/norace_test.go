//go:build !race

package relay

const underRaceDetector = false
