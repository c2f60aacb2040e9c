// The questions of ../../*.cpp asked of Go: `compare_go QUESTION [--procs N] [--n N] [--cpu-time]` prints lines "name value unit".
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"sort"
)

// A question does n operations and prints its own lines; warmUp operations run first and are not reported.
type question struct {
	n, warmUp int
	run       func(n int, print printer)
}

type printer func(name string, value float64, unit string)

var questions = map[string]question{
	"yield":     {2_000_000, 100_000, yield},
	"roundtrip": {500_000, 20_000, roundTrip},
	"spawn":     {1_000_000, 50_000, spawn},
	"skynet":    {1_000_000, 0, skynet},
	"mutex8":    {4_000_000, 100_000, mutex8},
	"parked":    {1_000_000, 0, parked},
	"deep":      {15, 0, deep},
	"stack_64k": {200, 0, stackUse("stack_64k", 64)},
	"stack_1m":  {100, 0, stackUse("stack_1m", 1024)},
	"sleep":     {100_000, 0, sleep},
	"timer":     {1_000_000, 20_000, timer},
}

func usage() {
	names := []string{}
	for name := range questions {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Fprintln(os.Stderr, "usage: compare_go QUESTION [--procs N] [--n N] [--cpu-time]; questions:", names)
	os.Exit(2)
}

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	if os.Args[1] == "echo" { // a server for echo_load, not a question
		echoServer()
	}
	q, known := questions[os.Args[1]]
	if !known {
		usage()
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	procs := flags.Int("procs", 1, "GOMAXPROCS")
	n := flags.Int("n", q.n, "number of operations")
	flags.BoolVar(&useCPUTime, "cpu-time", false, "measure the processor time of the process instead of wall time")
	flags.Parse(os.Args[2:])
	if *procs < 1 || *n < 1 || flags.NArg() != 0 {
		usage()
	}
	runtime.GOMAXPROCS(*procs)
	if q.warmUp > 0 {
		q.run(q.warmUp, func(string, float64, string) {})
	}
	q.run(*n, func(name string, value float64, unit string) {
		fmt.Printf("%s %.6g %s\n", name, value, unit)
	})
}
