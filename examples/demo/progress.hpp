// A line that says how far a stage is: rewritten in place on a terminal, now and then a plain line
// elsewhere.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace demo {

// 1234567 -> "1,234,567"
std::string grouped(unsigned long long number);

// Shows `line()` from construction to destruction, and a last time then. The work is done by a
// plain thread, so that the line moves whatever the Ps are busy with; `line` is called on it.
class progress {
 public:
  explicit progress(std::function<std::string()> line);
  ~progress();

 private:
  void show_until(const std::stop_token& stop);

  const bool terminal_;
  std::function<std::string()> line_;
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace demo
