package main

import (
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
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

// Further away each time; ns.
func timerReset(n int, print printer) {
	limit := time.NewTimer(time.Hour)
	start := now()
	for i := 0; i < n; i++ {
		limit.Reset(time.Hour + time.Duration(i)*time.Microsecond)
	}
	print("timer_reset", nsPerOp(start, n), "ns")
}

// The value that `part` of `of` values are below; sorts them.
func quantile(values []float64, part, of int) float64 {
	sort.Float64s(values)
	if part == of {
		return values[len(values)-1]
	}
	return values[len(values)*part/of]
}

func microseconds(length time.Duration) float64 { return float64(length.Nanoseconds()) / 1e3 }

// n ticks of 1 ms; us by which each came later than it was due.
func tick(n int, print printer) {
	const period = time.Millisecond
	late := make([]float64, n)
	due := time.Now()
	ticks := time.NewTicker(period)
	for i := range late {
		<-ticks.C
		now := time.Now()
		due = due.Add(period)
		if now.After(due) {
			late[i] = microseconds(now.Sub(due))
		}
		for !due.Add(period).After(now) { // those were missed
			due = due.Add(period)
		}
	}
	print("ticker", quantile(late, 1, 2), "us")
	print("ticker_p99", quantile(late, 99, 100), "us")
	print("ticker_max", quantile(late, 1, 1), "us")
}

func compute(length time.Duration) {
	for start := time.Now(); time.Since(start) < length; {
	}
}

// From a send until the receiver runs on another P; us. The sender computes on until then.
func wake(name string, pause time.Duration) func(int, printer) {
	return func(n int, print printer) {
		if runtime.GOMAXPROCS(0) < 2 {
			runtime.GOMAXPROCS(2)
		}
		ch := make(chan time.Time)
		var received int64
		late := make([]float64, 0, n)
		done := make(chan bool)
		go func() {
			for sent := range ch {
				late = append(late, microseconds(time.Since(sent)))
				atomic.AddInt64(&received, 1)
			}
			close(done)
		}()
		time.Sleep(time.Millisecond) // it waits
		for i := int64(1); i <= int64(n); i++ {
			compute(pause)
			ch <- time.Now()
			for atomic.LoadInt64(&received) < i {
			}
		}
		close(ch)
		<-done
		print(name, quantile(late, 1, 2), "us")
		print(name+"_p99", quantile(late, 99, 100), "us")
	}
}

// n seconds of nothing, with parked goroutines about.
func idle(n int, print printer) {
	sleeps := func() int64 {
		var usage syscall.Rusage
		syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
		return usage.Nvcsw
	}
	never := make(chan int)
	for i := 0; i < 100; i++ {
		go func() { <-never }()
	}
	compute(20 * time.Millisecond)
	time.Sleep(200 * time.Millisecond)
	cpu, before := cpuSeconds(), sleeps()
	time.Sleep(time.Duration(n) * time.Second)
	used, woken := cpuSeconds()-cpu, sleeps()-before-1 // without this goroutine's own
	close(never)
	print("idle_cpu", used/float64(n)*100, "%")
	print("idle_wakeups", float64(woken)/float64(n), "per_second")
}

func init() {
	questions["idle"] = question{3, 0, idle}
	questions["timer_reset"] = question{4_000_000, 20_000, timerReset}
	questions["ticker"] = question{500, 0, tick}
	questions["wake_idle"] = question{300, 20, wake("wake_idle", time.Millisecond)}
	questions["wake_spinning"] = question{20_000, 1_000, wake("wake_spinning", 2*time.Microsecond)}
}
