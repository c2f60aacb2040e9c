// The limit for a yield: one jump of Boost.Context between two stacks, with nothing around it.
#include <boost/context/detail/fcontext.hpp>
#include <cstdlib>

#include "../harness.hpp"

namespace {

namespace context = boost::context::detail;

void bounce(context::transfer_t from) {
  for (;;) from = context::jump_fcontext(from.fctx, nullptr);
}

// Two jumps a round, there and back; ns per jump.
bench::report jump(const bench::request& asked) {
  constexpr std::size_t size = 64 * 1024;
  char* stack = static_cast<char*>(std::malloc(size));
  context::fcontext_t other = context::make_fcontext(stack + size, size, bounce);
  bench::stopwatch watch;
  for (std::uint64_t i = 0; i < asked.n; i += 2)
    other = context::jump_fcontext(other, nullptr).fctx;
  double ns = watch.ns() / static_cast<double>(asked.n);
  std::free(stack);
  return {{"yield", ns, "ns"}};
}

constexpr bench::question questions[] = {{"yield", 20'000'000, 1'000'000, jump}};

}  // namespace

int main(int argc, char** argv) { return bench::answer(argc, argv, questions); }
