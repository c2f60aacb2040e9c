// From a G's stack to the thread's own: the functions that code on a G may name. They are defined
// in a file with split stacks, so that naming them makes no linker lend a big segment.
#include "io/home.hpp"

#include "io/lookup.hpp"
#include "io/names.hpp"

namespace gmp::detail {

#define GMPSCHED_IO_FORWARD(name) \
  void name##_home(void* arg) { name##_at_home(arg); }

GMPSCHED_IO_FORWARD(thread_wait)
GMPSCHED_IO_FORWARD(release_thread)
GMPSCHED_IO_FORWARD(close)
GMPSCHED_IO_FORWARD(drop_handle)
GMPSCHED_IO_FORWARD(open)
GMPSCHED_IO_FORWARD(adopt)
GMPSCHED_IO_FORWARD(connect)
GMPSCHED_IO_FORWARD(name)
GMPSCHED_IO_FORWARD(option)
GMPSCHED_IO_FORWARD(shutdown)
GMPSCHED_IO_FORWARD(sendfile)
GMPSCHED_IO_FORWARD(unlink)
GMPSCHED_IO_FORWARD(parse)
GMPSCHED_IO_FORWARD(format)
GMPSCHED_IO_FORWARD(lookup_begin)
GMPSCHED_IO_FORWARD(lookup_drop)
GMPSCHED_IO_FORWARD(resolve_category)

}  // namespace gmp::detail
