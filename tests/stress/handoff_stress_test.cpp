// Ps that are taken at any moment: by threads that do nothing else, and at each step of the pin.
#include <thread>

#include <gmp/mutex.hpp>
#include <gmp/timer.hpp>
#include <gmp/wait_group.hpp>

#include "sched/pin.hpp"
#include "sched/scheduler.hpp"
#include "support/lengthen.hpp"
#include "support/waiting.hpp"

namespace {

using namespace gmp_test;
using gmp::detail::scheduler;

class handoff_stress : public stress_test {};

// Channels with and without room, mutexes, children, timers, yields, announced calls: everything
// that uses a P. Returns what must come out.
long everything(int rounds) {
  std::atomic<long> sum = 0;
  gmp::mutex lock;
  long guarded = 0;
  crowd all;
  for (int k = 0; k < 4; ++k) {
    auto ch = gmp::make_chan<int>(static_cast<std::size_t>(k % 3));
    auto echo = gmp::make_chan<int>();
    all.go([=] {
      for (int v : ch) echo.send(v + 1);
    });
    all.go([=, &sum, &lock, &guarded] {
      for (int i = 0; i < rounds; ++i) {
        ch.send(i);
        sum += *echo.recv() - i;
        volatile int length = 0;
        while (length < 3'000) length = length + 1;  // user code, which has no pin
        lock.lock();
        ++guarded;
        if (i % 4 == 0) gmp::this_g::yield();
        lock.unlock();
        if (i % 8 == 0) sum += gmp::spawn([] { return 1; }).get();
        if (i % 16 == 0) gmp::this_g::sleep_for(20us);
        if (i % 16 == 8) gmp::blocking([&] { ++sum; });
        if (i % 16 == 12) gmp::select(gmp::on_timeout(10us), gmp::on_recv(echo));
        if (i % 4 == 2) gmp::this_g::yield();
      }
      ch.close();
    });
  }
  all.wait();
  return sum + guarded;
}

long expected(int rounds) {
  long one = 0;
  for (int i = 0; i < rounds; ++i) one += 2 + (i % 8 == 0) + (i % 16 == 8);
  return 4 * one;
}

TEST_F(handoff_stress, ps_are_taken_as_fast_as_it_goes) {
  for (unsigned procs : stress_procs()) {
    gmp::runtime runtime({.procs = procs});
    std::atomic<scheduler*> sched = nullptr;
    std::atomic<bool> over = false;
    std::atomic<long> taken = 0;
    std::thread taker([&] {
      while (sched == nullptr) std::this_thread::yield();
      while (!over) {
        for (unsigned i = 0; i < procs; ++i) {
          gmp::detail::p& local = *sched.load()->all_ps[i].load();
          gmp::detail::m* holder = local.holder.load();
          if (holder != nullptr && holder->pin.load() == 0 && sched.load()->retake(*holder, local))
            ++taken;
        }
        std::this_thread::yield();  // the lock it takes is everybody's
      }
    });
    const int rounds = stressed(300);
    const long result = runtime.run([&] {
      sched = gmp::detail::this_m()->sched;
      long got = 0;
      do {  // until the taker had its share
        got = everything(rounds);
        EXPECT_EQ(got, expected(rounds));
      } while (taken < stressed(200));
      return got;
    });
    over = true;
    taker.join();
    EXPECT_EQ(result, expected(rounds));
    EXPECT_GT(taken, 0);
    // The last of its Gs have said that they are done, and may have an instruction or two to go.
    while (runtime.stats().live != 0) std::this_thread::yield();
  }
}

#if defined(GMPSCHED_DEBUG_CHECKS)

// What the seam does: the whole of a hand-off happens between two steps of the owner.
struct seam_log {
  std::atomic<long> tried[gmp::detail::pin_steps] = {};
  std::atomic<long> taken[gmp::detail::pin_steps] = {};
  std::atomic<unsigned> turn = 0;
  std::atomic<unsigned> every = 1;
};
seam_log seams;

void take_here(gmp::detail::m& self, gmp::detail::pin_step where) {
  if (seams.turn.fetch_add(1, std::memory_order_relaxed) % seams.every != 0) return;
  gmp::detail::p* local = gmp::detail::peek_p(self);
  if (local == nullptr) return;
  const auto at = static_cast<std::size_t>(where);
  ++seams.tried[at];
  if (self.sched->retake(self, *local)) ++seams.taken[at];
}

TEST_F(handoff_stress, ps_are_taken_between_any_two_steps_of_the_pin) {
  using gmp::detail::pin_step;
  for (unsigned procs : stress_procs()) {
    for (unsigned every : {1u, 2u, 3u, 7u}) {
      seams.every = every;
      gmp::detail::pin_seam = &take_here;
      const int rounds = stressed(60);
      run_at(procs, [&] { EXPECT_EQ(everything(rounds), expected(rounds)); });
      gmp::detail::pin_seam = nullptr;
    }
  }
  const auto index = [](pin_step step) { return static_cast<std::size_t>(step); };
  EXPECT_GT(seams.taken[index(pin_step::before)], 0);
  EXPECT_GT(seams.taken[index(pin_step::unpinned)], 0);
  for (pin_step pinned : {pin_step::stored, pin_step::checked, pin_step::before_unpin}) {
    EXPECT_GT(seams.tried[index(pinned)], 0);
    EXPECT_EQ(seams.taken[index(pinned)], 0);
  }
}

#endif

}  // namespace
