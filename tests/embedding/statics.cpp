// A runtime that lives from a static object's constructor until after main, beside another one that
// is made while the first is being destroyed.
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <gmp/gmp.hpp>

namespace {

void expect(bool right, const char* what) {
  if (right) return;
  std::fprintf(stderr, "wrong: %s\n", what);
  std::_Exit(1);
}

struct service {
  gmp::chan<int> questions = gmp::make_chan<int>();
  gmp::chan<int> answers = gmp::make_chan<int>(1);
  gmp::runtime scheduler{{.procs = 2}};

  service() {
    scheduler.go([in = questions, out = answers] {
      for (int n : in) out.send(n + 1);
    });
    expect(ask(1) == 2, "an answer before main");
  }
  int ask(int n) {
    questions.send(n);
    return answers.recv().value_or(-1);
  }
  ~service() {
    expect(ask(2) == 3, "an answer after main");
    int other = 0;
    std::thread([&other] {
      other = gmp::run([] { return gmp::spawn([] { return 42; }).get(); });
    }).join();
    std::printf("after main: %d\n", other);
    std::fflush(stdout);
  }
};

service the_service;

// Destroyed before the_service: a thread that ends while it still has the library's thread_locals.
struct late_thread {
  std::thread worker;
  ~late_thread() {
    worker = std::thread([] { expect(the_service.ask(5) == 6, "an answer to a late thread"); });
    worker.join();
  }
} the_late_thread;

}  // namespace

int main() { expect(the_service.ask(10) == 11, "an answer in main"); }
