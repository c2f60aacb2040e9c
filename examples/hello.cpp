// The smallest programs with Gs: start some, wait for them.
//
// A G is a function with a stack of its own, as a thread is, but it costs two kilobytes and a
// fraction of a microsecond. The library runs all Gs on a few threads, as many at a time as there
// are Ps (one per processor unless you say otherwise). When a G waits, for a channel, a lock or the
// clock, its thread goes on with another G.
#include <gmp/gmp.hpp>

#include <cstdio>
#include <string>

int main() {
  // run() starts the scheduler, runs this function as the first G and stops everything when it
  // returns: Go's main(). Like there, Gs that are still at work by then are not waited for. Waiting
  // is the business of those who care.
  gmp::run([] {
    // One way to wait: a task, for a function with a result.
    gmp::task<std::string> greeting = gmp::spawn([] { return std::string("hello"); });

    // Another: a wait_group counts Gs; go() adds one, wait() returns when all of them have
    // returned.
    gmp::wait_group group;
    for (int i = 1; i <= 3; ++i)
      group.go([i] { std::printf("hello from G number %d\n", i); });  // in any order
    group.wait();

    // And the most useful: a channel hands a value from one G to another, and whoever comes first
    // waits.
    auto words = gmp::make_chan<std::string>();
    gmp::go([words] {  // a chan is a reference: copying it shares the channel
      words.send("a");
      words.send("channel");
      words.close();  // ends the loop below
    });
    std::string sentence = greeting.get() + " from";
    for (const std::string& word : words) sentence += " " + word;
    std::printf("%s\n", sentence.c_str());
  });
}
