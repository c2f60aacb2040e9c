package main

import (
	"sync"
	"syscall"
	"time"
)

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

// n goroutines sleep for a second; ms by which the last is done later than that, and CPU seconds.
func sleep(n int, print printer) {
	var done sync.WaitGroup
	done.Add(n)
	cpu := cpuSeconds()
	start := time.Now()
	for i := 0; i < n; i++ {
		go func() {
			time.Sleep(time.Second)
			done.Done()
		}()
	}
	done.Wait()
	print("sleep", float64((time.Since(start)-time.Second).Microseconds())/1000, "ms")
	print("sleep_cpu", cpuSeconds()-cpu, "s")
}

// A timer of an hour is made and stopped; ns.
func timer(n int, print printer) {
	start := now()
	for i := 0; i < n; i++ {
		time.NewTimer(time.Hour).Stop()
	}
	print("timer", nsPerOp(start, n), "ns")
}
