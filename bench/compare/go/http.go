package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

// The partner of examples/http_server: net/http's greeting. A server and no question, it prints where it listens and never
// returns.
func serveHTTP(int, printer) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	err = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, "Hello, world!\n")
	}))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func init() { questions["http"] = question{1, 0, serveHTTP} }
