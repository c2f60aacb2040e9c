// Channels: a round trip, buffered ones, skynet.
#include <algorithm>
#include <functional>

#include "fiber_world.hpp"

namespace fiber_bench {

bench::report round_trip(const bench::request& asked) {
  double ns = 0;
  with_workers(asked.procs, [&] {
    boost::fibers::unbuffered_channel<std::int64_t> ping;
    boost::fibers::unbuffered_channel<std::int64_t> pong;
    boost::fibers::fiber echo([&] {
      for (std::int64_t v : ping) pong.push(v + 1);
    });
    auto n = static_cast<std::int64_t>(asked.n);
    std::int64_t sum = 0;
    bench::stopwatch watch;
    for (std::int64_t i = 0; i < n; ++i) {
      ping.push(i);
      sum += pong.value_pop();
    }
    ns = watch.ns() / static_cast<double>(n);
    ping.close();
    echo.join();
    bench::require(sum == n * (n + 1) / 2, "wrong sum");
  });
  return {{"roundtrip", ns, "ns"}};
}

namespace {

// ns per value through a channel that some fibers push to and some pop from.
template <class Channel>
double one_way(const bench::request& asked, Channel& channel, std::uint64_t producing,
               std::uint64_t consuming) {
  double ns = 0;
  with_workers(asked.procs, [&] {
    auto each = static_cast<std::int64_t>(asked.n / producing);
    std::vector<boost::fibers::fiber> producers;
    std::vector<boost::fibers::fiber> consumers;
    std::vector<std::int64_t> sums(consuming);
    auto produce = [&channel, each] {
      for (std::int64_t i = 0; i < each; ++i) channel.push(i);
    };
    auto consume = [&channel](std::int64_t& sum) {
      std::int64_t total = 0;
      std::int64_t v = 0;
      while (channel.pop(v) == boost::fibers::channel_op_status::success) total += v;
      sum = total;
    };
    bench::stopwatch watch;
    for (std::uint64_t i = 0; i < std::max(producing, consuming); ++i) {
      if (i < producing) producers.emplace_back(produce);
      if (i < consuming) consumers.emplace_back(consume, std::ref(sums[i]));
    }
    for (boost::fibers::fiber& f : producers) f.join();
    channel.close();
    for (boost::fibers::fiber& f : consumers) f.join();
    ns = watch.ns() / static_cast<double>(asked.n);
    std::int64_t total = 0;
    for (std::int64_t sum : sums) total += sum;
    bench::require(total == static_cast<std::int64_t>(producing) * (each * (each - 1) / 2),
                   "wrong sum");
  });
  return ns;
}

double buffered(const bench::request& asked, std::uint64_t producing, std::uint64_t consuming) {
  boost::fibers::buffered_channel<std::int64_t> channel(128);
  return one_way(asked, channel, producing, consuming);
}

double unbuffered(const bench::request& asked, std::uint64_t producing, std::uint64_t consuming) {
  boost::fibers::unbuffered_channel<std::int64_t> channel;
  return one_way(asked, channel, producing, consuming);
}

}  // namespace

bench::report buffered11(const bench::request& asked) {
  return {{"buffered11", buffered(asked, 1, 1), "ns"}};
}
bench::report buffered14(const bench::request& asked) {
  return {{"buffered14", buffered(asked, 1, 4), "ns"}};
}
bench::report buffered41(const bench::request& asked) {
  return {{"buffered41", buffered(asked, 4, 1), "ns"}};
}
bench::report buffered44(const bench::request& asked) {
  return {{"buffered44", buffered(asked, 4, 4), "ns"}};
}
bench::report unbuffered14(const bench::request& asked) {
  return {{"unbuffered14", unbuffered(asked, 1, 4), "ns"}};
}
bench::report unbuffered41(const bench::request& asked) {
  return {{"unbuffered41", unbuffered(asked, 4, 1), "ns"}};
}

namespace {

using channel = boost::fibers::unbuffered_channel<std::int64_t>;

void node(channel& out, std::int64_t first, std::int64_t size) {
  if (size == 1) {
    out.push(first);
    return;
  }
  channel in;
  std::vector<boost::fibers::fiber> children;
  for (std::int64_t i = 0; i < 10; ++i)
    children.emplace_back(boost::fibers::launch::post, std::allocator_arg,
                          boost::fibers::fixedsize_stack(16 * 1024), node, std::ref(in),
                          first + i * (size / 10), size / 10);
  std::int64_t sum = 0;
  for (int i = 0; i < 10; ++i) sum += in.value_pop();
  for (boost::fibers::fiber& child : children) child.join();
  out.push(sum);
}

}  // namespace

bench::report skynet(const bench::request& asked) {
  double ms = 0;
  with_workers(asked.procs, [&] {
    channel out;
    auto n = static_cast<std::int64_t>(asked.n);
    bench::stopwatch watch;
    boost::fibers::fiber root(node, std::ref(out), std::int64_t{0}, n);
    std::int64_t sum = out.value_pop();
    ms = watch.ms();
    root.join();
    bench::require(sum == n * (n - 1) / 2, "wrong sum: is n a power of ten?");
  });
  return {{"skynet", ms, "ms"},
          {"skynet_rss", static_cast<double>(bench::peak_resident_bytes()) / 1e6, "MB"}};
}

}  // namespace fiber_bench
