package main

import (
	"runtime"
	"sync"
	"time"
)

var useCPUTime bool

// Wall time, or with --cpu-time the processor time of the process; seconds.
func now() float64 {
	if useCPUTime {
		return cpuSeconds()
	}
	return time.Since(programStart).Seconds()
}

var programStart = time.Now()

func nsPerOp(start float64, n int) float64 {
	return (now() - start) * 1e9 / float64(n)
}

// Two goroutines yield to each other; ns per yield.
func yield(n int, print printer) {
	var done sync.WaitGroup
	done.Add(2)
	start := now()
	for i := 0; i < 2; i++ {
		go func() {
			for k := 0; k < n/2; k++ {
				runtime.Gosched()
			}
			done.Done()
		}()
	}
	done.Wait()
	print("yield", nsPerOp(start, n), "ns")
}

const spawnBatch = 1000

// Goroutines with an empty body but for Done, in batches of 1,000; a WaitGroup waits for each batch; ns per goroutine.
func spawn(n int, print printer) {
	var done sync.WaitGroup
	start := now()
	for made := 0; made < n; made += spawnBatch {
		done.Add(spawnBatch)
		for i := 0; i < spawnBatch; i++ {
			go done.Done()
		}
		done.Wait()
	}
	print("spawn", nsPerOp(start, n), "ns")
}

// Eight goroutines lock, count and unlock; ns per lock and unlock.
func mutex8(n int, print printer) {
	var done sync.WaitGroup
	var lock sync.Mutex
	counter := 0
	done.Add(8)
	start := now()
	for i := 0; i < 8; i++ {
		go func() {
			for k := 0; k < n/8; k++ {
				lock.Lock()
				counter++
				lock.Unlock()
			}
			done.Done()
		}()
	}
	done.Wait()
	ns := nsPerOp(start, n)
	if counter != n/8*8 {
		panic("lost an increment")
	}
	print("mutex8", ns, "ns")
}
