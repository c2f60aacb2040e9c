// Throws on a G, for a debugger's `catch throw` to stop at.
#include <gmp/gmp.hpp>

#include <stdexcept>

// The names that throw.sh looks for.
struct gdb_error {
  int code;
};

extern "C" {

[[gnu::noinline]] int gdb_number() {
  try {
    throw gdb_error{7};
  } catch (const gdb_error& e) {
    return e.code;
  }
}

[[gnu::noinline]] int gdb_text() {
  try {
    throw std::runtime_error("text");
  } catch (const std::runtime_error&) {
    return 1;
  }
}
}

int main() {
  int sum = 0;
  gmp::run([&sum] { sum = gdb_number() + gdb_text(); });
  sum += gdb_text();  // on the thread: __cxa_throw itself
  return sum == 9 ? 0 : 1;
}
