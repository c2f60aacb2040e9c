// The least a program with goroutines does.
package main

import "os"

func main() {
	greeting := make(chan string)
	go func() { greeting <- "hello\n" }()
	os.Stdout.WriteString(<-greeting)
}
