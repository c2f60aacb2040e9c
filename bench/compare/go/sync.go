package main

import (
	"sync"
	"sync/atomic"
)

const lockUsers, readsPerWrite = 8, 100

// ns per call of body(i), by several goroutines.
func byUsers(n, users int, body func(i int)) float64 {
	var done sync.WaitGroup
	done.Add(users)
	start := now()
	for u := 0; u < users; u++ {
		go func() {
			for i := 0; i < n/users; i++ {
				body(i)
			}
			done.Done()
		}()
	}
	done.Wait()
	return nsPerOp(start, n/users*users)
}

func readMostly(name string, users int) func(int, printer) {
	return func(n int, print printer) {
		var lock sync.RWMutex
		written, seen := 0, int64(0)
		ns := byUsers(n, users, func(i int) {
			if i%readsPerWrite == 0 {
				lock.Lock()
				written++
				lock.Unlock()
			} else {
				lock.RLock()
				if written < 0 {
					atomic.AddInt64(&seen, 1)
				}
				lock.RUnlock()
			}
		})
		if written != (n/users+readsPerWrite-1)/readsPerWrite*users {
			panic("lost a write")
		}
		print(name, ns, "ns")
	}
}

// Go's semaphore is a channel with room for the permits.
func semaphore8(n int, print printer) {
	permits := make(chan struct{}, lockUsers/2)
	ns := byUsers(n, lockUsers, func(int) {
		permits <- struct{}{}
		<-permits
	})
	if len(permits) != 0 {
		panic("wrong permits")
	}
	print("semaphore8", ns, "ns")
}

// Two goroutines tell each other that it is their turn; ns per round trip.
func condition(n int, print printer) {
	var lock sync.Mutex
	changed := [2]*sync.Cond{sync.NewCond(&lock), sync.NewCond(&lock)}
	turn := 0
	take := func(side int) {
		lock.Lock()
		for turn != side {
			changed[side].Wait()
		}
		turn = 1 - side
		changed[1-side].Signal()
		lock.Unlock()
	}
	var done sync.WaitGroup
	done.Add(1)
	start := now()
	go func() {
		for i := 0; i < n; i++ {
			take(1)
		}
		done.Done()
	}()
	for i := 0; i < n; i++ {
		take(0)
	}
	done.Wait()
	print("condition", nsPerOp(start, n), "ns")
}

func init() {
	questions["shared_mutex1"] = question{8_000_000, 200_000, readMostly("shared_mutex1", 1)}
	questions["shared_mutex8"] = question{8_000_000, 200_000, readMostly("shared_mutex8", lockUsers)}
	questions["semaphore8"] = question{4_000_000, 100_000, semaphore8}
	questions["condition"] = question{1_000_000, 20_000, condition}
}
