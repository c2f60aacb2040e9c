// The least a program with Gs does; bench_startup measures how long that takes.
#include <gmp/gmp.hpp>

#include <cstdio>

int main() {
  gmp::run([] { std::puts(gmp::spawn([] { return "hello"; }).get()); });
}
