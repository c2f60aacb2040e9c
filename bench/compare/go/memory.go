package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A size from /proc/self/status, in MB of 1,000,000 bytes.
func statusMB(field string) float64 {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		panic(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), field) {
			kb := 0.0
			fmt.Sscanf(lines.Text()[len(field):], "%f", &kb)
			return kb * 1024 / 1e6
		}
	}
	panic("no " + field)
}

// n goroutines block on one channel; bytes of RSS each.
func parked(n int, print printer) {
	gate := make(chan int)
	var done sync.WaitGroup
	var begun int64
	done.Add(n)
	before := statusMB("VmRSS:")
	for i := 0; i < n; i++ {
		go func() {
			atomic.AddInt64(&begun, 1)
			<-gate
			done.Done()
		}()
	}
	for atomic.LoadInt64(&begun) < int64(n) {
		runtime.Gosched()
	}
	time.Sleep(50 * time.Millisecond)
	bytes := (statusMB("VmRSS:") - before) * 1e6 / float64(n)
	close(gate)
	done.Wait()
	print("parked", bytes, "bytes")
}

func median(values []float64) float64 {
	sort.Float64s(values)
	return values[len(values)/2]
}

// The work in a fresh goroutine each time, from `go` to its end; microseconds: the first time and the median.
func inFreshGoroutines(rounds int, work func() uint64) (first, middle float64) {
	times := make([]float64, rounds)
	done := make(chan uint64)
	for i := range times {
		start := now()
		go func() { done <- work() }()
		<-done
		times[i] = (now() - start) * 1e6
	}
	first = times[0]
	return first, median(times)
}

//go:noinline
func descend(depth uint64) uint64 {
	var frame [6]uint64
	frame[depth%6] = depth
	if depth == 0 {
		return frame[0]
	}
	return descend(depth-1) + frame[depth%6]
}

func deep(n int, print printer) {
	first, middle := inFreshGoroutines(n, func() uint64 { return descend(100_000) })
	print("deep", middle, "us")
	print("deep_first", first, "us")
}

//go:noinline
func useStack(kib int) uint64 {
	var frame [1000]byte
	frame[kib%1000] = byte(kib)
	if kib == 0 {
		return uint64(frame[0])
	}
	return useStack(kib-1) + uint64(frame[kib%1000])
}

// One frame of about a KiB for each KiB.
func stackUse(name string, kib int) func(int, printer) {
	return func(n int, print printer) {
		first, middle := inFreshGoroutines(n, func() uint64 { return useStack(kib) })
		print(name, middle, "us")
		print(name+"_first", first, "us")
	}
}

//go:noinline
func plusOne(i int) int { return i + 1 }

// What is called through a variable; the compiler cannot know.
var indirectTarget = plusOne

func indirect(n int, print printer) {
	value := 0
	start := now()
	for i := 0; i < n; i++ {
		value = indirectTarget(value & 0x3f)
	}
	print("indirect", nsPerOp(start, n), "ns")
	if value > 0x40 {
		panic("wrong value")
	}
}

func init() { questions["indirect"] = question{20_000_000, 10_000, indirect} }
