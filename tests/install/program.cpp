// An outside program: Gs, a channel, an exception across a G, foreign code called directly and
// through a pointer.
#include <gmp/gmp.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

extern "C" int outside_c(int depth);

namespace {

// Each level keeps a kilobyte alive: the first segment alone holds two of them.
int deep(int level) {
  volatile char room[1024];
  room[0] = static_cast<char>(level);
  return level == 0 ? 0 : deep(level - 1) + (room[0] == static_cast<char>(level) ? 1 : 0);
}

std::string text_of(int number) {
  std::ostringstream out;
  out << "number " << number;
  return out.str();
}

int compare(const void* a, const void* b) {
  return *static_cast<const int*>(a) - *static_cast<const int*>(b);
}

bool all_of_it() {
  gmp::chan<std::string> texts = gmp::make_chan<std::string>(4);
  for (int i = 0; i < 100; ++i) {
    gmp::go([texts, i] { texts.send(text_of(deep(1000) + outside_c(i))); });
  }
  std::vector<std::string> got;
  for (int i = 0; i < 100; ++i) got.push_back(*texts.recv());
  std::sort(got.begin(), got.end());
  int numbers[] = {3, 1, 2};
  std::qsort(numbers, 3, sizeof numbers[0], compare);
  char line[64];
  std::snprintf(line, sizeof line, "%d%d%d %.3f", numbers[0], numbers[1], numbers[2], 0.5);
  return got.front() == "number 1000" && std::string(line) == "123 0.500";
}

}  // namespace

int main() {
  bool right = gmp::run(all_of_it);
  bool caught = false;
  try {
    gmp::run([] { throw std::runtime_error("across a G"); });
  } catch (const std::runtime_error&) {
    caught = true;
  }
  std::puts(right && caught ? "outside program: right" : "outside program: WRONG");
  return right && caught ? 0 : 1;
}
