package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// usage is what processes have taken together.
type usage struct {
	cpu    time.Duration // user and system time
	behind time.Duration // that of what they keep their state in
	rss    int64         // resident memory in bytes
}

// usage is that of the target's processes.
func (t *target) usage() (usage, error) {
	sum, err := usageOf(t.pids)
	if err != nil {
		return usage{}, err
	}
	behind, err := usageOf(t.behind)
	sum.behind = behind.cpu
	return sum, err
}

// tick is the unit of times in /proc (proc_pid_stat(5)): USER_HZ is 100 on
// every architecture that Go runs on.
const tick = 10 * time.Millisecond

// usageOf adds up the usage of processes.
func usageOf(pids []int) (sum usage, err error) {
	for _, pid := range pids {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			return usage{}, fmt.Errorf("measuring process %d: %w; has it ended?", pid, err)
		}
		// Field 2, the name in parentheses, may hold anything; field 3 follows.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		var numbers [3]int64 // utime, stime, rss: fields 14, 15 and 24
		for i, field := range []int{14, 15, 24} {
			if numbers[i], err = strconv.ParseInt(string(fields[field-3]), 10, 64); err != nil {
				return usage{}, fmt.Errorf("measuring process %d: %w", pid, err)
			}
		}
		sum.cpu += time.Duration(numbers[0]+numbers[1]) * tick
		sum.rss += numbers[2] * int64(os.Getpagesize())
	}
	return sum, nil
}
