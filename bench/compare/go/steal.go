package main

import "sync"

func fibonacci(n int) uint64 {
	a, b := uint64(0), uint64(1)
	for i := 0; i < n; i++ {
		a, b = b, a+b
	}
	return a
}

// A goroutine for one branch; the other is computed here.
func fib(n uint64) uint64 {
	if n < 2 {
		return n
	}
	var left uint64
	var joined sync.WaitGroup
	joined.Add(1)
	go func() {
		left = fib(n - 1)
		joined.Done()
	}()
	right := fib(n - 2)
	joined.Wait()
	return left + right
}

func msOf(n int, work func(n uint64) uint64, expected uint64) float64 {
	start := now()
	found := work(uint64(n))
	ms := (now() - start) * 1e3
	if found != expected {
		panic("wrong result")
	}
	return ms
}

// A smaller tree does: ns per fork.
func forkJoin(n int, print printer) {
	ms := msOf(n, fib, fibonacci(n))
	print("fib_fork", ms*1e6/float64(fibonacci(n+1)-1), "ns")
}

// The rows of a chess board that queens hold so far, as bits; ../../work_tree.hpp has the same.
type board struct{ all, columns, left, right uint32 }

func (b board) with(queen uint32) board {
	return board{b.all, b.columns | queen, (b.left | queen) << 1, (b.right | queen) >> 1}
}

// Each queen that fits is a goroutine; solutions below it.
func queensBelow(at board) uint64 {
	if at.columns == at.all {
		return 1
	}
	var found [16]uint64
	var joined sync.WaitGroup
	children := 0
	for free := at.all &^ (at.columns | at.left | at.right); free != 0; free &= free - 1 {
		joined.Add(1)
		result, next := &found[children], at.with(free&-free)
		children++
		go func() {
			*result = queensBelow(next)
			joined.Done()
		}()
	}
	joined.Wait()
	sum := uint64(0)
	for _, f := range found[:children] {
		sum += f
	}
	return sum
}

func queens(n int, print printer) {
	known := []uint64{1, 1, 0, 0, 2, 10, 4, 40, 92, 352, 724, 2680, 14200, 73712}
	work := func(n uint64) uint64 { return queensBelow(board{all: 1<<n - 1}) }
	print("queens", msOf(n, work, known[n]), "ms")
}

func leavesBelow(first, size uint64) uint64 {
	if size == 1 {
		return first
	}
	var sums [10]uint64
	var joined sync.WaitGroup
	joined.Add(len(sums))
	for i := range sums {
		i := i
		go func() {
			sums[i] = leavesBelow(first+uint64(i)*(size/10), size/10)
			joined.Done()
		}()
	}
	joined.Wait()
	sum := uint64(0)
	for _, s := range sums {
		sum += s
	}
	return sum
}

func skynetJoin(n int, print printer) {
	work := func(n uint64) uint64 { return leavesBelow(0, n) }
	ms := msOf(n, work, uint64(n)*uint64(n-1)/2)
	print("skynet_join", ms, "ms")
	print("skynet_join_rss", statusMB("VmHWM:"), "MB")
}

// A node of a tree of given size and random shape; ../../work_tree.hpp has the same tree.
type unevenNode struct{ seed, size uint64 }

const mostChildren = 4

func mix(x uint64) uint64 {
	x = (x ^ x>>32) * 0x9e3779b97f4a7c15
	x = (x ^ x>>29) * 0x9e3779b97f4a7c15
	return x ^ x>>32
}

func (node unevenNode) split(children *[mostChildren]unevenNode) (n int) {
	left := node.size - 1
	random := mix(node.seed)
	wanted := 1 + int(random%mostChildren)
	for left > 0 {
		random = mix(random + 1)
		part := left
		if n+1 != wanted {
			part = 1 + random%left
		}
		children[n] = unevenNode{random, part}
		n++
		left -= part
	}
	return n
}

func (node unevenNode) work() uint64 {
	x := node.seed
	for i := 0; i < 32; i++ {
		x = mix(x)
	}
	if x == 0 {
		return 0
	}
	return 1
}

func walk(node unevenNode) uint64 {
	var children [mostChildren]unevenNode
	var counts [mostChildren]uint64
	var joined sync.WaitGroup
	n := node.split(&children)
	joined.Add(n)
	for i := 0; i < n; i++ {
		child, count := children[i], &counts[i]
		go func() {
			*count = walk(child)
			joined.Done()
		}()
	}
	count := node.work()
	joined.Wait()
	for _, c := range counts[:n] {
		count += c
	}
	return count
}

func uneven(n int, print printer) {
	work := func(n uint64) uint64 { return walk(unevenNode{20_240_229, n}) }
	ms := msOf(n, work, uint64(n))
	print("uneven", ms*1e6/float64(n), "ns")
}

func init() {
	questions["fib"] = question{27, 18, forkJoin}
	questions["queens"] = question{12, 8, queens}
	questions["skynet_join"] = question{1_000_000, 0, skynetJoin}
	questions["uneven"] = question{300_000, 10_000, uneven}
}
