package main

import (
	"fmt"
	"runtime"
	"sync"
	"time"
)

const atLeast = 1_000_000 // operations of one measurement

// The best of three measurements of each size, and the worst growth from one size to the next.
type curve struct {
	name        string
	last, worst float64
	print       printer
}

// measure: ns per operation.
func (c *curve) add(size int, measure func() float64) {
	best := measure()
	for again := 0; again < 2; again++ {
		if ns := measure(); ns < best {
			best = ns
		}
	}
	if c.last > 0 && best/c.last > c.worst {
		c.worst = best / c.last
	}
	c.last = best
	c.print(fmt.Sprintf("%s_%d", c.name, size), best, "ns")
}

func (c *curve) done() { c.print(c.name+"_growth", c.worst, "x") }

// n goroutines that wait for release() and then run body; end() waits for their ends.
type gathered struct{ gate, ready, done sync.WaitGroup }

func gather(n int, body func()) *gathered {
	g := new(gathered)
	g.gate.Add(1)
	g.ready.Add(n)
	g.done.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			g.ready.Done()
			g.gate.Wait()
			body()
			g.done.Done()
		}()
	}
	g.ready.Wait()
	runtime.Gosched() // the last of them parks
	return g
}

func atLeastOf(least, n int) int {
	if n < least {
		return least
	}
	return n
}

func growthYield(n int, print printer) {
	costs := curve{name: "gs_yield", print: print}
	for gs := 1000; gs <= n; gs *= 10 {
		turns := atLeastOf(4, atLeast/gs)
		costs.add(gs, func() float64 {
			all := gather(gs, func() {
				for i := 1; i < turns; i++ {
					runtime.Gosched()
				}
			})
			start := now()
			all.gate.Done()
			all.done.Wait()
			return nsPerOp(start, gs*turns)
		})
	}
	costs.done()
}

func growthSpawn(n int, print printer) {
	costs := curve{name: "gs_spawn", print: print}
	for gs := 1000; gs <= n; gs *= 10 {
		rounds := atLeastOf(1, atLeast/gs)
		round := func() {
			all := gather(gs, func() {})
			all.gate.Done()
			all.done.Wait()
		}
		round()
		costs.add(gs, func() float64 {
			start := now()
			for i := 0; i < rounds; i++ {
				round()
			}
			return nsPerOp(start, gs*rounds)
		})
	}
	costs.done()
}

func growthProcs(n int, print printer) {
	const gs = 64
	turns := n / gs
	costs := curve{name: "ps_yield", print: print}
	for ps := 1; ps <= 16; ps *= 2 {
		runtime.GOMAXPROCS(ps)
		costs.add(ps, func() float64 {
			all := gather(gs, func() {
				for i := 0; i < turns; i++ {
					runtime.Gosched()
				}
			})
			start := now()
			all.gate.Done()
			all.done.Wait()
			return nsPerOp(start, gs*turns)
		})
	}
	costs.done()
}

func growthProcsChannel(n int, print printer) {
	const pairs = 16
	each := n / pairs
	costs := curve{name: "ps_channel", print: print}
	for ps := 1; ps <= 16; ps *= 2 {
		runtime.GOMAXPROCS(ps)
		costs.add(ps, func() float64 {
			var done sync.WaitGroup
			done.Add(pairs)
			start := now()
			for p := 0; p < pairs; p++ {
				ch := make(chan uint64)
				go func() {
					for i := 0; i < each; i++ {
						ch <- uint64(i)
					}
					close(ch)
				}()
				go func() {
					for range ch {
					}
					done.Done()
				}()
			}
			done.Wait()
			return nsPerOp(start, pairs*each)
		})
	}
	costs.done()
}

// Cheap, and not what is measured.
type randomNumbers uint64

func (r *randomNumbers) below(limit int) int {
	*r = *r*6364136223846793005 + 1442695040888963407
	return int(uint64(*r>>33) % uint64(limit))
}

func growthChannels(n int, print printer) {
	costs := curve{name: "channels", print: print}
	random := randomNumbers(0x9e3779b97f4a7c15)
	var all []chan uint64
	for size := 1; size <= n; size *= 10 {
		for len(all) < size {
			all = append(all, make(chan uint64, 1))
		}
		costs.add(size, func() float64 {
			start := now()
			for i := 0; i < atLeast; i++ {
				ch := all[random.below(size)]
				ch <- uint64(i)
				if <-ch != uint64(i) {
					panic("wrong value")
				}
			}
			return nsPerOp(start, atLeast)
		})
	}
	costs.done()
}

// Among timers that wait, `operation` on a random one of them; all times are random.
func growthTimers(name string, operation func(timer *time.Timer, some time.Duration) bool) func(int, printer) {
	return func(n int, print printer) {
		costs := curve{name: name, print: print}
		random := randomNumbers(0x9e3779b97f4a7c15)
		someTime := func() time.Duration {
			return time.Hour + time.Duration(random.below(1<<30))*time.Microsecond
		}
		var all []*time.Timer
		for size := 1; size <= n; size *= 10 {
			for len(all) < size {
				all = append(all, time.NewTimer(someTime()))
			}
			costs.add(size, func() float64 {
				start := now()
				for i := 0; i < atLeast; i++ {
					if !operation(all[random.below(size)], someTime()) {
						panic("a timer of an hour fired")
					}
				}
				return nsPerOp(start, atLeast)
			})
		}
		costs.done()
	}
}

func init() {
	questions["gs_yield"] = question{1_000_000, 0, growthYield}
	questions["gs_spawn"] = question{1_000_000, 0, growthSpawn}
	questions["ps_yield"] = question{2_000_000, 0, growthProcs}
	questions["ps_channel"] = question{1_000_000, 0, growthProcsChannel}
	questions["channels"] = question{100_000, 0, growthChannels}
	questions["timers"] = question{1_000_000, 0, growthTimers("timers", func(_ *time.Timer, some time.Duration) bool {
		return time.NewTimer(some).Stop()
	})}
	questions["timers_reset"] = question{1_000_000, 0, growthTimers("timers_reset", (*time.Timer).Reset)}
}
