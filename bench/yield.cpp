// What does a yield cost? Two Gs yield to each other; the limit is the raw context jump of
// compare/context_jump.cpp.
#include <gmp/gmp.hpp>

#include "harness.hpp"

namespace {

bench::report yield(const bench::request& asked) {
  double ns = gmp::run(
      [&asked] {
        gmp::wait_group done;
        done.add(2);
        auto body = [&done, turns = asked.n / 2] {
          for (std::uint64_t i = 0; i < turns; ++i) gmp::this_g::yield();
          done.done();
        };
        bench::stopwatch watch;
        gmp::go(body);
        gmp::go(body);
        done.wait();
        return watch.ns();
      },
      {.procs = asked.procs});
  return {{"yield", ns / static_cast<double>(asked.n), "ns"}};
}

constexpr bench::question questions[] = {{"yield", 4'000'000, 200'000, yield}};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
