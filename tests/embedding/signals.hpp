// What a user's signal handlers do in the tests: they use a good deal of stack.
#pragma once

#include <atomic>

namespace signals {

struct counts {
  std::atomic<unsigned> calls{0};
  std::atomic<unsigned> elsewhere{0};  // ran on a G's stack
};

extern counts split;
extern counts unsplit;

// Handlers: at least 8 KiB of stack in frames of their own. One compiled as a G's code, one as
// foreign code.
void on_signal_split(int);
void on_signal_unsplit(int);

}  // namespace signals
