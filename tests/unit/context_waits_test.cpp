// Every blocking call that takes a context: ended by it, not ended by it, refused by a cancelled
// one.
#include <gmp/defer.hpp>
#include <gmp/mutex.hpp>
#include <gmp/semaphore.hpp>
#include <gmp/task_group.hpp>
#include <gmp/wait_group.hpp>

#include "support/contexts.hpp"

namespace {

using namespace gmp_test;
using gmp::context;

class context_waits : public at_procs {};
GMPSCHED_TEST_AT_PROCS(context_waits, 1u, 2u, 4u, 8u);

// `call(ctx, why)` would wait for ever: a cancel from elsewhere and a deadline end it, a cancelled
// context does not let it begin, and nothing is left with the context.
template <class Call>
void ends_with_its_context(Call call) {
  auto [c, cancel] = with_cancel(context());
  std::error_code why;
  std::thread outside([&, c = c, cancel = cancel] {
    until([&] { return children_of(c) > 0 || receiver_waits(c.done()); });
    cancel();
  });
  call(c, why);
  EXPECT_EQ(why, std::errc::operation_canceled);
  outside.join();
  why.clear();
  call(c, why);
  EXPECT_EQ(why, std::errc::operation_canceled);
  auto [timed, cancel_timed] = gmp::with_timeout(context(), 2ms);
  call(timed, why);
  EXPECT_EQ(why, std::errc::timed_out);
  EXPECT_EQ(children_of(c), 0u);
  EXPECT_EQ(children_of(timed), 0u);
}

template <class Call>
int error_thrown(Call call) {
  try {
    call();
  } catch (const std::system_error& e) {
    return e.code().value();
  }
  return 0;
}

TEST_P(context_waits, channels) {
  run([] {
    auto ch = gmp::make_chan<std::unique_ptr<int>>();
    auto value = std::make_unique<int>(7);
    ends_with_its_context(
        [&](const context& c, std::error_code& why) { EXPECT_EQ(ch.recv(c, why), std::nullopt); });
    ends_with_its_context([&](const context& c, std::error_code& why) { ch.send(value, c, why); });
    EXPECT_EQ(*value, 7);  // untouched
    EXPECT_FALSE(receiver_waits(ch));
    EXPECT_FALSE(sender_waits(ch));
    auto signals = gmp::make_chan<void>();
    ends_with_its_context([&](const context& c, std::error_code& why) { signals.recv(c, why); });
    ends_with_its_context([&](const context& c, std::error_code& why) { signals.send(c, why); });
    gmp::chan<int> nil;
    ends_with_its_context([&](const context& c, std::error_code& why) { nil.recv(c, why); });

    auto [c, cancel] = with_cancel(context());
    crowd one;
    one.go([&, c = c] { ch.send(std::move(value), c); });
    EXPECT_EQ(**ch.recv(c), 7);
    one.wait();
    std::error_code why = std::make_error_code(std::errc::io_error);
    one.go([&] { signals.send(context()); });
    EXPECT_TRUE(signals.recv(c, why));
    EXPECT_FALSE(why);
    one.wait();
    signals.close();
    EXPECT_FALSE(signals.recv(c));
    EXPECT_THROW(signals.send(c), gmp::closed_channel);
    cancel();
    EXPECT_EQ(error_thrown([&] { ch.recv(c); }), ECANCELED);
    EXPECT_EQ(error_thrown([&] { ch.send(nullptr, c); }), ECANCELED);
  });
}

TEST_P(context_waits, a_mutex) {
  run([] {
    gmp::mutex m;
    m.lock();
    ends_with_its_context([&](const context& c, std::error_code& why) { m.lock(c, why); });
    EXPECT_FALSE(m.try_lock());
    auto [c, cancel] = with_cancel(context());
    crowd one;
    one.go([&, c = c] {
      m.lock(c);
      m.unlock();
    });
    until([&] { return children_of(c) == 1; });
    m.unlock();
    one.wait();
    m.lock(c);
    m.unlock();
    cancel();
    EXPECT_EQ(error_thrown([&] { m.lock(c); }), ECANCELED);
    EXPECT_TRUE(m.try_lock());
    m.unlock();
  });
}

TEST_P(context_waits, a_semaphore) {
  run([] {
    gmp::semaphore s(2);
    ends_with_its_context([&](const context& c, std::error_code& why) { s.acquire(3, c, why); });
    s.acquire(context());
    auto [c, cancel] = with_cancel(context());
    crowd two;
    two.go([&, c = c] {
      std::error_code why;
      s.acquire(2, c, why);  // at the head of the queue
      EXPECT_EQ(why, std::errc::operation_canceled);
    });
    until([&] { return children_of(c) == 1; });
    two.go([&] { s.acquire(); });  // behind it: goes on when it leaves
    yield_often();
    cancel();
    two.wait();
    EXPECT_FALSE(s.try_acquire());
    s.release(2);
    EXPECT_EQ(error_thrown([&] { s.acquire(c); }), ECANCELED);
    EXPECT_THROW(s.acquire(-1, context()), std::invalid_argument);
  });
}

TEST_P(context_waits, a_wait_group_a_task_and_a_task_group) {
  run([] {
    gmp::wait_group all;
    all.add(1);
    auto hold = gmp::make_chan<void>();
    auto task = gmp::spawn([hold] { hold.recv(); });
    gmp::task_group group;
    group.go([hold] { hold.recv(); });
    ends_with_its_context([&](const context& c, std::error_code& why) { all.wait(c, why); });
    ends_with_its_context([&](const context& c, std::error_code& why) { task.wait(c, why); });
    ends_with_its_context([&](const context& c, std::error_code& why) { group.wait(c, why); });
    EXPECT_TRUE(alive(group.context()));
    auto [c, cancel] = with_cancel(context());
    crowd one;
    one.go([&, c = c] { all.wait(c); });
    until([&] { return children_of(c) == 1; });
    all.done();
    one.wait();
    hold.close();
    task.wait(c);
    group.wait(c);
    all.wait(c);
    cancel();
    EXPECT_EQ(error_thrown([&] { all.wait(c); }), ECANCELED);
    EXPECT_EQ(error_thrown([&] { task.wait(c); }), ECANCELED);
    EXPECT_EQ(error_thrown([&] { group.wait(c); }), ECANCELED);
  });
}

TEST_P(context_waits, sleeping) {
  run([] {
    ends_with_its_context(
        [](const context& c, std::error_code& why) { gmp::this_g::sleep_for(1h, c, why); });
    auto [c, cancel] = with_cancel(context());
    const auto start = std::chrono::steady_clock::now();
    gmp::this_g::sleep_for(2ms, c);
    gmp::this_g::sleep_for(1ms, context());
    EXPECT_GE(std::chrono::steady_clock::now() - start, 3ms);
    gmp::this_g::sleep_for(-1s, c);
    cancel();
    EXPECT_EQ(error_thrown([&] { gmp::this_g::sleep_for(0s, c); }), ECANCELED);
  });
}

TEST(context_waits_threads, plain_threads_without_a_runtime) {
  auto [c, cancel] = with_cancel(context());
  gmp::mutex m;
  m.lock();
  auto ch = gmp::make_chan<int>();
  auto full = gmp::make_chan<int>();
  std::atomic<int> ended = 0;
  auto expect_cancelled = [&](auto call) {
    return std::thread([&, call] {
      EXPECT_EQ(error_thrown(call), ECANCELED);
      ++ended;
    });
  };
  std::thread threads[] = {expect_cancelled([&, c = c] { m.lock(c); }),
                           expect_cancelled([&, c = c] { ch.recv(c); }),
                           expect_cancelled([&, c = c] { full.send(1, c); }),
                           expect_cancelled([&, c = c] { gmp::this_g::sleep_for(1h, c); })};
  until([&] { return children_of(c) == 2 && receiver_waits(ch) && sender_waits(full); });
  cancel();
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(ended, 4);
  auto [calm, cancel_calm] = with_cancel(context());
  gmp::this_g::sleep_for(1ms, calm);
  m.unlock();
}

// Gs that wait with a context when their runtime stops.
TEST(context_waits_threads, the_end_of_the_runtime) {
  std::atomic<int> unwound = 0;
  auto [c, cancel] = with_cancel(context());
  gmp::run([&, c = c] {
    auto wait = [&](auto call) {
      gmp::go([&unwound, call] {
        gmp::defer d{[&] { ++unwound; }};
        call();
      });
    };
    auto ch = gmp::make_chan<int>();
    auto m = std::make_shared<gmp::mutex>();
    m->lock();
    wait([=] { ch.recv(c); });
    wait([=] { m->lock(c); });
    wait([=] { gmp::this_g::sleep_for(1h, c); });
    until([&] { return children_of(c) == 2 && receiver_waits(ch); });
    yield_often();
  });
  EXPECT_EQ(unwound, 3);
  EXPECT_EQ(children_of(c), 0u);
}

}  // namespace
