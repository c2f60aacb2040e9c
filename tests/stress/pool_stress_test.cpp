// Pools, and waits with a context, under load.
#include <gmp/defer.hpp>
#include <gmp/mutex.hpp>
#include <gmp/pool.hpp>
#include <gmp/semaphore.hpp>
#include <gmp/supervisor.hpp>
#include <gmp/task_group.hpp>

#include "support/contexts.hpp"
#include "support/lengthen.hpp"

namespace {

using namespace gmp_test;
using gmp::context;

class pool_stress : public stress_test {};
class supervisor_stress : public stress_test {};
class context_waits_stress : public stress_test {};

// Callers of every kind, resizing and purging: what was submitted is run once, and nobody is lost.
TEST_F(pool_stress, submitted_resized_and_purged_at_once) {
  run_each([] {
    gmp::pool workers(3, {.idle_after = 50us});
    std::atomic<long> ran = 0, taken = 0;
    std::atomic<bool> over = false;
    gmp::task_group callers;
    const int n = stressed(2'000);
    for (int k = 0; k < 8; ++k) {
      callers.go([&, k] {
        for (int i = 0; i < n / 8; ++i) {
          auto work = [&ran, i] {
            ++ran;
            if (i % 3 == 0) gmp::this_g::yield();
          };
          switch ((i + k) % 4) {
            case 0:
              workers.go(work);
              ++taken;
              break;
            case 1:
              workers.submit(work).get();
              ++taken;
              break;
            case 2:
              if (auto task = workers.try_submit(work)) ++taken;
              break;
            default:
              if (auto task = workers.try_submit_for(work, 20us)) ++taken;
          }
        }
      });
    }
    gmp::task_group disturber;
    disturber.go([&] {
      for (std::size_t i = 0; !over; ++i) {
        workers.resize(1 + i % 5);
        if (i % 7 == 0) workers.purge();
        gmp::this_g::sleep_for(10us);
      }
    });
    callers.wait();
    over = true;
    disturber.wait();
    workers.close();
    EXPECT_EQ(ran, taken);
    const auto s = workers.stats();
    EXPECT_EQ(s.submitted, static_cast<std::uint64_t>(taken.load()));
    EXPECT_EQ(s.completed, s.submitted);
    EXPECT_EQ(s.workers, 0u);
  });
}

// Deadlines race with permits, locks and values: each is had or not, none is lost.
TEST_F(context_waits_stress, deadlines_race_with_what_was_waited_for) {
  run_each([] {
    gmp::semaphore permits(2);
    gmp::mutex lock;
    auto ch = gmp::make_chan<int>(1);
    std::atomic<long> sent = 0, received = 0;
    long guarded = 0, entered = 0;
    gmp::mutex count;
    gmp::task_group all;
    const int n = stressed(400);
    for (int k = 0; k < 12; ++k) {
      all.go([&, k] {
        for (int i = 0; i < n; ++i) {
          auto [c, cancel] =
              gmp::with_timeout(context(), std::chrono::microseconds((i * 7 + k) % 60));
          std::error_code why;
          permits.acquire(1 + k % 2, c, why);
          if (!why) {
            gmp::this_g::yield();
            permits.release(1 + k % 2);
          }
          lock.lock(c, why);
          if (!why) {
            ++guarded;
            if (i % 5 == 0) gmp::this_g::yield();
            lock.unlock();
            std::lock_guard hold(count);
            ++entered;
          }
          if (k % 2 == 0) {
            ch.send(1, c, why);
            if (!why) ++sent;
          } else if (ch.recv(c, why)) {
            ++received;
          }
          EXPECT_EQ(children_of(c), 0u);
        }
      });
    }
    all.wait();
    EXPECT_EQ(guarded, entered);
    EXPECT_EQ(sent, received + static_cast<long>(ch.len()));
    EXPECT_TRUE(permits.try_acquire(2));
    EXPECT_TRUE(lock.try_lock());
    lock.unlock();
  });
}

// Children of every policy that crash at random, started from everywhere, until all is stopped.
TEST_F(supervisor_stress, crashes_at_random) {
  run_each([] {
    for (int round = 0; round < stressed(20); ++round) {
      gmp::supervisor_options how;
      how.strategy = round % 2 == 0 ? gmp::supervision::one_for_one : gmp::supervision::one_for_all;
      how.max_restarts = round % 5 == 4 ? 10 : 1'000'000;
      how.backoff = 1us;
      how.max_backoff = 50us;
      std::atomic<int> now = 0, runs = 0;
      {
        gmp::supervisor s(how);
        gmp::task_group starters;
        for (int k = 0; k < 6; ++k) {
          starters.go([&, k] {
            const auto policy = k % 3 == 0   ? gmp::restart::permanent
                                : k % 3 == 1 ? gmp::restart::transient
                                             : gmp::restart::temporary;
            try {
              s.start("child", policy, [&, k](const context& c) {
                ++now;
                gmp::defer d{[&] { --now; }};
                const int n = ++runs;
                if (n % 3 == 0) throw std::runtime_error("crash");
                if (n % 3 == 1) return;
                gmp::select(gmp::on_done(c), gmp::on_timeout(std::chrono::microseconds(10 * k)));
              });
            } catch (const std::system_error&) {  // it gave up before
            }
          });
        }
        starters.wait();
        until([&] { return runs >= 50 || s.context().cancelled(); });
        if (round % 3 == 0) s.stop();
      }
      EXPECT_EQ(now, 0);
    }
  });
}

}  // namespace
