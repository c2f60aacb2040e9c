// What does a lock cost that eight Gs share, and one that nobody else wants?
#include <gmp/gmp.hpp>

#include <mutex>

#include "harness.hpp"

namespace {

// ns per lock and unlock.
double locked(const bench::request& asked, std::uint64_t users) {
  std::uint64_t each = asked.n / users;
  std::uint64_t counter = 0;
  double ns = gmp::run(
      [&, each] {
        gmp::mutex lock;
        gmp::wait_group done;
        done.add(static_cast<int>(users));
        bench::stopwatch watch;
        for (std::uint64_t u = 0; u < users; ++u)
          gmp::go([&, each] {
            for (std::uint64_t i = 0; i < each; ++i) {
              std::lock_guard hold(lock);
              ++counter;
            }
            done.done();
          });
        done.wait();
        return watch.ns();
      },
      {.procs = asked.procs});
  bench::require(counter == each * users, "lost an increment");
  return ns / static_cast<double>(counter);
}

bench::report mutex8(const bench::request& asked) { return {{"mutex8", locked(asked, 8), "ns"}}; }
bench::report mutex1(const bench::request& asked) { return {{"mutex1", locked(asked, 1), "ns"}}; }

constexpr bench::question questions[] = {
    {"mutex8", 8'000'000, 200'000, mutex8},
    {"mutex1", 8'000'000, 200'000, mutex1},
};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
