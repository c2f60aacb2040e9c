// For gmpsched-gdb.py, which knows no types: programs have no debug information of this library.
// Numbers only, each beside its name there; `version` changes with them.
#include <cstddef>
#include <cstdint>

#include "sched/scheduler.hpp"

#pragma GCC diagnostic ignored "-Winvalid-offsetof"

extern "C" {

__attribute__((visibility("default"))) extern const std::uint64_t gmpsched_gdb_table[];
const std::uint64_t gmpsched_gdb_table[] = {
    1,  // version
    sizeof(gmp::detail::g),
    offsetof(gmp::detail::g, ctx),
    offsetof(gmp::detail::g, state),
    offsetof(gmp::detail::g, reason),
    offsetof(gmp::detail::g, id),
    offsetof(gmp::detail::g, creator_id),
    offsetof(gmp::detail::g, sched),
    offsetof(gmp::detail::g, extra),
    offsetof(gmp::detail::g_extra, name),
    offsetof(gmp::detail::scheduler, all_ms),
    offsetof(gmp::detail::m, all_next),
    offsetof(gmp::detail::m, current),
    offsetof(gmp::detail::m, tid),
};
}
