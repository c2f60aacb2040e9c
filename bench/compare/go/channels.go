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

// As many producers as consumers on one channel of capacity 128; ns per value.
func buffered(name string, pairs int) func(int, printer) {
	return func(n int, print printer) {
		each := n / pairs
		ch := make(chan int64, 128)
		sums := make([]int64, pairs)
		var producers, consumers sync.WaitGroup
		producers.Add(pairs)
		consumers.Add(pairs)
		start := now()
		for p := 0; p < pairs; p++ {
			p := p
			go func() {
				for i := 0; i < each; i++ {
					ch <- int64(i)
				}
				producers.Done()
			}()
			go func() {
				sum := int64(0)
				for v := range ch {
					sum += v
				}
				sums[p] = sum
				consumers.Done()
			}()
		}
		producers.Wait()
		close(ch)
		consumers.Wait()
		ns := nsPerOp(start, each*pairs)
		total := int64(0)
		for _, s := range sums {
			total += s
		}
		if total != int64(pairs)*int64(each)*int64(each-1)/2 {
			panic("wrong sum")
		}
		print(name, ns, "ns")
	}
}

// One goroutine sends to four channels in turn, another selects over them; ns per value.
func select4(name string, capacity int) func(int, printer) {
	return func(n int, print printer) {
		var ch [4]chan int64
		for i := range ch {
			ch[i] = make(chan int64, capacity)
		}
		start := now()
		go func() {
			for i := 0; i < n; i++ {
				ch[i&3] <- int64(i)
			}
		}()
		sum := int64(0)
		for i := 0; i < n; i++ {
			select {
			case v := <-ch[0]:
				sum += v
			case v := <-ch[1]:
				sum += v
			case v := <-ch[2]:
				sum += v
			case v := <-ch[3]:
				sum += v
			}
		}
		ns := nsPerOp(start, n)
		if sum != int64(n)*int64(n-1)/2 {
			panic("wrong sum")
		}
		print(name, ns, "ns")
	}
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
