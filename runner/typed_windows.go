package runner

import (
	"os"

	"golang.org/x/sys/windows"
)

// dropTyped drops what was typed at a terminal and is not yet read.
func dropTyped(terminal *os.File) {
	_ = windows.FlushConsoleInputBuffer(windows.Handle(terminal.Fd()))
}
