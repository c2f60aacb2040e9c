// The least a program with threads does.
#include <cstdio>
#include <thread>

int main() {
  const char* greeting = nullptr;
  std::thread([&] { greeting = "hello"; }).join();
  std::puts(greeting);
}
