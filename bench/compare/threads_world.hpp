// What the questions put to plain threads share.
#pragma once

#include "../harness.hpp"

namespace threads_bench {

// As many processors as the request asks for; threads made later inherit it.
void keep_to(unsigned processors);

bench::report shared_mutex1(const bench::request&);
bench::report shared_mutex8(const bench::request&);
bench::report semaphore8(const bench::request&);
bench::report condition(const bench::request&);
bench::report process(const bench::request&);
bench::report startup(const bench::request&);
bench::report wake_idle(const bench::request&);
bench::report wake_spinning(const bench::request&);

}  // namespace threads_bench
