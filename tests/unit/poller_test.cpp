// The two backends by themselves.
#include "netpoll/poller.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/harness.hpp"

namespace {

using namespace gmp::detail;

class poller_backend : public testing::TestWithParam<poller_choice> {
 protected:
  void SetUp() override {
    int error = 0;
    at_ = poller::make(GetParam(), error);
    ASSERT_NE(at_, nullptr) << error;
    if (GetParam() == poller_choice::io_uring && std::string(at_->name()) != "io_uring") {
      at_->retire();
      at_ = nullptr;
      GTEST_SKIP() << "no io_uring here";
    }
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends_), 0);
    d_ = descriptor::make(ends_[0]);
    ASSERT_NE(d_, nullptr);
    ASSERT_FALSE(d_->consume(direction::reading) && d_->consume(direction::reading)) << "once";
    ASSERT_TRUE(d_->consume(direction::writing));
  }
  void TearDown() override {
    if (at_ == nullptr) return;
    if (d_ != nullptr) end(d_);
    ::close(ends_[1]);
    EXPECT_EQ(at_->retire(), nullptr);
  }
  static void end(descriptor* d) {
    EXPECT_TRUE(d->begin_close());
    EXPECT_TRUE(d->leave());
    d->finish_close();
    if (d->drop_handle()) d->give();
  }
  // Polls until somebody is woken.
  io_waiter* poll_for() {
    woken_list woken;
    const nanos limit = clock_now() + 5'000'000'000;
    while (woken.first() == nullptr && clock_now() < limit)
      at_->poll(clock_now() + 100'000'000, woken);
    return woken.first();
  }

  poller* at_ = nullptr;
  descriptor* d_ = nullptr;
  int ends_[2] = {-1, -1};
};

INSTANTIATE_TEST_SUITE_P(both, poller_backend,
                         testing::Values(poller_choice::epoll, poller_choice::io_uring),
                         [](const auto& info) {
                           return info.param == poller_choice::epoll ? "epoll" : "io_uring";
                         });

TEST_P(poller_backend, an_edge_wakes_all_who_wait) {
  ASSERT_EQ(at_->add(*d_), 0);
  ASSERT_EQ(at_->add(*d_), 0) << "idempotent";
  io_waiter a;
  io_waiter b;
  ASSERT_TRUE(d_->push(direction::reading, a));
  ASSERT_TRUE(d_->push(direction::reading, b));
  EXPECT_TRUE(at_->has_waiter());
  ASSERT_EQ(::write(ends_[1], "x", 1), 1);
  io_waiter* woken = poll_for();
  ASSERT_EQ(woken, &a) << "first come, first served";
  ASSERT_EQ(woken->next, &b);
  EXPECT_EQ(b.next, nullptr);
  EXPECT_FALSE(at_->has_waiter());
  EXPECT_FALSE(d_->consume(direction::reading)) << "the wake-up was the edge";
}

TEST_P(poller_backend, an_edge_that_nobody_waits_for_is_kept) {
  ASSERT_EQ(at_->add(*d_), 0);
  woken_list woken;
  while (!d_->consume(direction::writing)) at_->poll(clock_now() + 100'000'000, woken);
  ASSERT_EQ(::write(ends_[1], "x", 1), 1);
  while (!d_->consume(direction::reading)) at_->poll(clock_now() + 100'000'000, woken);
  io_waiter w;
  EXPECT_TRUE(d_->push(direction::reading, w));
  EXPECT_EQ(d_->take(direction::reading), &w);
  EXPECT_EQ(woken.first(), nullptr);
}

TEST_P(poller_backend, a_wake_up_ends_the_wait) {
  std::atomic<bool> met{false};
  std::thread waits([&] {
    woken_list woken;
    while (!at_->poll(never, woken)) {
    }
    met = true;
  });
  at_->wake();
  waits.join();
  EXPECT_TRUE(met.load());
  woken_list woken;
  at_->wake();
  at_->wake();
  EXPECT_TRUE(at_->poll(never, woken)) << "it was remembered";
}

TEST_P(poller_backend, hang_up_stays) {
  ASSERT_EQ(at_->add(*d_), 0);
  io_waiter w;
  ASSERT_TRUE(d_->push(direction::reading, w));
  ASSERT_EQ(::shutdown(ends_[1], SHUT_WR), 0);
  EXPECT_EQ(poll_for(), &w);
  EXPECT_TRUE(d_->consume(direction::reading));
  EXPECT_TRUE(d_->consume(direction::reading));
}

TEST_P(poller_backend, a_former_life_is_not_heard_of) {
  ASSERT_EQ(at_->add(*d_), 0);
  const std::uint64_t former = d_->event_data();
  EXPECT_EQ(descriptor::of_event(former), d_);
  end(d_);
  EXPECT_FALSE(at_->in_use());
  int fresh[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fresh), 0);
  ::close(std::exchange(ends_[1], fresh[1]));
  d_ = descriptor::make(fresh[0]);
  EXPECT_EQ(descriptor::of_event(former), nullptr);
  EXPECT_NE(d_->event_data(), former);
}

TEST_P(poller_backend, retiring_wakes_who_still_waits) {
  ASSERT_EQ(at_->add(*d_), 0);
  io_waiter w;
  ASSERT_TRUE(d_->push(direction::reading, w));
  EXPECT_EQ(at_->retire(), &w);
  EXPECT_EQ(d_->home.load(), nullptr);
  int error = 0;
  at_ = poller::make(GetParam(), error);
  ASSERT_EQ(at_->add(*d_), 0) << "and can be registered again";
}

// [SB1, UR7] Each has its own result, in the order in which they were left.
TEST_P(poller_backend, sends_that_were_left_to_it) {
  if (!at_->batches_sends()) GTEST_SKIP() << "it takes none";
  static constexpr std::size_t n = 600;  // more than the ring has entries
  std::vector<batched_send> ops(n);
  for (std::size_t i = 0; i < n; ++i) {
    ops[i].fd = i == 1 ? -1 : ends_[0];
    ops[i].data = i % 2 == 0 ? "a" : "b";
    ops[i].bytes = 1;
    at_->sends.push(ops[i]);
  }
  iovec pieces[2] = {{const_cast<char*>("x"), 1}, {const_cast<char*>("yz"), 2}};
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = 2;
  ops[2].message = &message;
  woken_list woken;
  at_->poll(0, woken);
  EXPECT_FALSE(at_->sends.any());
  std::size_t at = 0;
  for (io_waiter* w = woken.first(); w != nullptr; w = w->next, ++at) {
    ASSERT_LT(at, n);
    ASSERT_EQ(w, &ops[at].w);
    const long result = ops[at].result;
    if (at == 1) {
      EXPECT_EQ(result, -EBADF);
    } else if (at == 2) {
      EXPECT_EQ(result, 3);
    } else {
      EXPECT_TRUE(result == 1 || result == -EAGAIN) << result;  // the socket may be full
    }
  }
  EXPECT_EQ(at, n);
  char text[5];
  ASSERT_EQ(::read(ends_[1], text, sizeof text), 5);
  EXPECT_EQ(std::string_view(text, 5), "axyzb");
}

TEST_P(poller_backend, a_send_taken_back) {
  batched_send ops[3];
  for (batched_send& op : ops) at_->sends.push(op);
  EXPECT_TRUE(at_->sends.remove(ops[1]));
  EXPECT_FALSE(at_->sends.remove(ops[1]));
  EXPECT_TRUE(at_->sends.remove(ops[0]));
  EXPECT_TRUE(at_->sends.remove(ops[2]));
  EXPECT_FALSE(at_->sends.any());
}

// The thread that registered a descriptor may end.
TEST_P(poller_backend, the_registering_thread_ends) {
  std::thread([this] { ASSERT_EQ(at_->add(*d_), 0); }).join();
  io_waiter w;
  if (d_->push(direction::reading, w)) {
    std::thread writes([this] { ASSERT_EQ(::write(ends_[1], "x", 1), 1); });
    EXPECT_EQ(poll_for(), &w);
    writes.join();
  }
  ASSERT_EQ(at_->add(*d_), 0);
}

}  // namespace
