// The stage of the demo that serves: the http_server example's own connections, and clients on Gs
// of the same process that put them under load.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "stages.hpp"

namespace demo {

struct web_load {
  std::uint64_t requests = 0;
  double seconds = 0;
  std::uint64_t wrong = 0;  // clients that got something else, or were cut
};

// So many kept connections over loopback, each asking again as soon as it is answered. `answered`
// counts where a plain thread can watch.
web_load serve_web(std::size_t connections, std::chrono::milliseconds time, counter& answered);

}  // namespace demo
