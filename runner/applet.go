package runner

import (
	"path/filepath"
	"strings"
)

// applet is a name that the program is called by, and with it the flags and
// words that it speaks.
type applet string

const (
	frostkit    applet = "frostkit"
	frostClient applet = "frost-client"
	frostd      applet = "frostd"
	frostVerify applet = "frost-verify"
	mkcert      applet = "mkcert"
	tq          applet = "tq"

	// The stand-alone programs of frost-tools.
	dealerAlone      applet = "trusted-dealer"
	dkgAlone         applet = "dkg"
	coordinatorAlone applet = "coordinator"
	participantAlone applet = "participant"
)

// linked are the names that `frostkit link` makes.
var linked = []applet{frostClient, frostd, frostVerify, mkcert, tq, dealerAlone, dkgAlone, coordinatorAlone, participantAlone}

// calledAs tells from the program's path which applet is meant; any name that
// is none of the others is frostkit itself.
func calledAs(path string) applet {
	name := applet(strings.TrimSuffix(filepath.Base(path), ".exe"))
	for _, known := range linked {
		if name == known {
			return known
		}
	}
	return frostkit
}
