// Boost.Fiber under the questions: threads that run fibers, and how fibers are made for each.
#pragma once

#include <boost/fiber/all.hpp>

#include <thread>
#include <vector>

#include "../harness.hpp"

namespace fiber_bench {

// Lets `workers` threads, the calling one included, share fibers by work stealing until body
// returns; with one worker the default round robin stays, which is the faster choice there.
template <class F>
void with_workers(unsigned workers, F&& body) {
  if (workers <= 1) return body();
  using boost::fibers::algo::work_stealing;
  boost::fibers::mutex lock;
  boost::fibers::condition_variable over;
  bool finished = false;
  std::vector<std::jthread> others;
  for (unsigned i = 1; i < workers; ++i)
    others.emplace_back([&] {
      boost::fibers::use_scheduling_algorithm<work_stealing>(workers, true);
      std::unique_lock hold(lock);
      over.wait(hold, [&] { return finished; });
    });
  boost::fibers::use_scheduling_algorithm<work_stealing>(workers, true);
  body();
  {
    std::lock_guard hold(lock);
    finished = true;
  }
  over.notify_all();
}

bench::report yield(const bench::request&);
bench::report spawn(const bench::request&);
bench::report round_trip(const bench::request&);
bench::report buffered11(const bench::request&);
bench::report buffered14(const bench::request&);
bench::report buffered41(const bench::request&);
bench::report buffered44(const bench::request&);
bench::report unbuffered14(const bench::request&);
bench::report unbuffered41(const bench::request&);
template <std::size_t Bytes>
bench::report payload(const bench::request&);
template <std::size_t Bytes>
bench::report payload_unbuffered(const bench::request&);
bench::report skynet(const bench::request&);
bench::report mutex8(const bench::request&);
bench::report condition(const bench::request&);
bench::report parked(const bench::request&);
bench::report fib(const bench::request&);
bench::report uneven(const bench::request&);

}  // namespace fiber_bench
