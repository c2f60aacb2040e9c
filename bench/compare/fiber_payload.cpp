// What does the size of a value add to its way through a channel?
#include "fiber_world.hpp"

namespace fiber_bench {

namespace {

template <std::size_t Bytes>
struct block {
  std::int64_t words[Bytes / sizeof(std::int64_t)];
};

// ns per value; both ends touch the first and the last word.
template <std::size_t Bytes, class Channel>
double one_way(const bench::request& asked, Channel& channel) {
  double ns = 0;
  with_workers(asked.procs, [&] {
    const auto n = static_cast<std::int64_t>(asked.n);
    std::int64_t sum = 0;
    bench::stopwatch watch;
    boost::fibers::fiber producer([&channel, n] {
      block<Bytes> value{};
      for (std::int64_t i = 0; i < n; ++i) {
        value.words[0] = i;
        value.words[std::size(value.words) - 1] = i;
        channel.push(value);
      }
      channel.close();
    });
    block<Bytes> value;
    while (channel.pop(value) == boost::fibers::channel_op_status::success)
      sum += value.words[std::size(value.words) - 1];
    ns = watch.ns() / static_cast<double>(n);
    producer.join();
    bench::require(sum == n * (n - 1) / 2, "wrong sum");
  });
  return ns;
}

}  // namespace

template <std::size_t Bytes>
bench::report payload(const bench::request& asked) {
  static const std::string name = "payload" + std::to_string(Bytes);
  boost::fibers::buffered_channel<block<Bytes>> channel(128);
  return {{name, one_way<Bytes>(asked, channel), "ns"}};
}

template <std::size_t Bytes>
bench::report payload_unbuffered(const bench::request& asked) {
  static const std::string name = "payload" + std::to_string(Bytes) + "_unbuffered";
  boost::fibers::unbuffered_channel<block<Bytes>> channel;
  return {{name, one_way<Bytes>(asked, channel), "ns"}};
}

template bench::report payload<8>(const bench::request&);
template bench::report payload_unbuffered<8>(const bench::request&);
template bench::report payload<64>(const bench::request&);
template bench::report payload_unbuffered<64>(const bench::request&);
template bench::report payload<256>(const bench::request&);
template bench::report payload_unbuffered<256>(const bench::request&);
template bench::report payload<1024>(const bench::request&);
template bench::report payload_unbuffered<1024>(const bench::request&);

}  // namespace fiber_bench
