package main

import "sync"

// A value goes out over one unbuffered channel and back over another; ns per round trip.
func roundTrip(n int, print printer) {
	ping, pong := make(chan int64), make(chan int64)
	go func() {
		for v := range ping {
			pong <- v + 1
		}
	}()
	sum := int64(0)
	start := now()
	for i := 0; i < n; i++ {
		ping <- int64(i)
		sum += <-pong
	}
	ns := nsPerOp(start, n)
	close(ping)
	if sum != int64(n)*int64(n+1)/2 {
		panic("wrong sum")
	}
	print("roundtrip", ns, "ns")
}

// Some producers and consumers on one channel; ns per value.
func oneWay(name string, producing, consuming, capacity int) func(int, printer) {
	return func(n int, print printer) {
		each := n / producing
		ch := make(chan int64, capacity)
		sums := make([]int64, consuming)
		var producers, consumers sync.WaitGroup
		producers.Add(producing)
		consumers.Add(consuming)
		produce := func() {
			for i := 0; i < each; i++ {
				ch <- int64(i)
			}
			producers.Done()
		}
		consume := func(i int) {
			sum := int64(0)
			for v := range ch {
				sum += v
			}
			sums[i] = sum
			consumers.Done()
		}
		start := now()
		for i := 0; i < producing || i < consuming; i++ {
			if i < producing {
				go produce()
			}
			if i < consuming {
				go consume(i)
			}
		}
		producers.Wait()
		close(ch)
		consumers.Wait()
		ns := nsPerOp(start, each*producing)
		total := int64(0)
		for _, s := range sums {
			total += s
		}
		if total != int64(producing)*int64(each)*int64(each-1)/2 {
			panic("wrong sum")
		}
		print(name, ns, "ns")
	}
}

// An array of 8-byte words as the value; both ends touch the first and the last.
func payload[T [1]int64 | [8]int64 | [32]int64 | [128]int64](name string, capacity int) func(int, printer) {
	return func(n int, print printer) {
		ch := make(chan T, capacity)
		start := now()
		go func() {
			var value T
			for i := 0; i < n; i++ {
				value[0] = int64(i)
				value[len(value)-1] = int64(i)
				ch <- value
			}
			close(ch)
		}()
		sum := int64(0)
		for value := range ch {
			sum += value[len(value)-1]
		}
		ns := nsPerOp(start, n)
		if sum != int64(n)*int64(n-1)/2 {
			panic("wrong sum")
		}
		print(name, ns, "ns")
	}
}

func init() {
	questions["buffered11"] = question{4_000_000, 200_000, oneWay("buffered11", 1, 1, 128)}
	questions["buffered14"] = question{4_000_000, 200_000, oneWay("buffered14", 1, 4, 128)}
	questions["buffered41"] = question{4_000_000, 200_000, oneWay("buffered41", 4, 1, 128)}
	questions["buffered44"] = question{4_000_000, 200_000, oneWay("buffered44", 4, 4, 128)}
	questions["unbuffered14"] = question{2_000_000, 100_000, oneWay("unbuffered14", 1, 4, 0)}
	questions["unbuffered41"] = question{2_000_000, 100_000, oneWay("unbuffered41", 4, 1, 0)}
	questions["payload8"] = question{4_000_000, 100_000, payload[[1]int64]("payload8", 128)}
	questions["payload64"] = question{4_000_000, 100_000, payload[[8]int64]("payload64", 128)}
	questions["payload256"] = question{2_000_000, 100_000, payload[[32]int64]("payload256", 128)}
	questions["payload1024"] = question{1_000_000, 100_000, payload[[128]int64]("payload1024", 128)}
	questions["payload8_unbuffered"] = question{1_000_000, 100_000, payload[[1]int64]("payload8_unbuffered", 0)}
	questions["payload64_unbuffered"] = question{1_000_000, 100_000, payload[[8]int64]("payload64_unbuffered", 0)}
	questions["payload256_unbuffered"] = question{1_000_000, 100_000, payload[[32]int64]("payload256_unbuffered", 0)}
	questions["payload1024_unbuffered"] = question{1_000_000, 100_000, payload[[128]int64]("payload1024_unbuffered", 0)}
}

func skynetNode(out chan<- int64, first, size int64) {
	if size == 1 {
		out <- first
		return
	}
	in := make(chan int64)
	for i := int64(0); i < 10; i++ {
		go skynetNode(in, first+i*(size/10), size/10)
	}
	sum := int64(0)
	for i := 0; i < 10; i++ {
		sum += <-in
	}
	out <- sum
}

// A tree of goroutines with n leaves (a power of ten), ten children a node, sums over channels; ms, and peak RSS in MB.
func skynet(n int, print printer) {
	out := make(chan int64)
	start := now()
	go skynetNode(out, 0, int64(n))
	sum := <-out
	ms := (now() - start) * 1e3
	if sum != int64(n)*int64(n-1)/2 {
		panic("wrong sum: is n a power of ten?")
	}
	print("skynet", ms, "ms")
	print("skynet_rss", statusMB("VmHWM:"), "MB")
}
