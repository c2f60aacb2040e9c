#include "foreign.hpp"

#include <cstring>

namespace foreign {

int object::get() const { return number; }
double object::half() const { return number * 0.5; }
void object::set(int n) { number = n; }
long object::sum(long a, long b, long c, long d, long e, long f, long g, long h) {
  return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h;
}
int object::frame(int n) {
  volatile char bytes[6000];
  for (volatile char& b : bytes) b = static_cast<char>(n);
  return bytes[5999];
}
int object::deep(int n) {
  volatile char bytes[100];
  bytes[0] = 1;
  return n == 0 ? 0 : deep(n - 1) + bytes[0];
}
int object::call(int (*f)(int), int n) { return f(n) + 1; }
int object::red_zone(int n) {
  volatile int locals[20];
  locals[0] = n;
  locals[19] = number;
  return locals[0] + locals[19];
}

object& get_object() {
  static object one;
  return one;
}

}  // namespace foreign
