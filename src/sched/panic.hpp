// An exception that leaves a G.
#pragma once

#include "g/g.hpp"

namespace gmp::detail {

// Called inside the catch handler. Reports; returns only for an isolated G.
void panic(g& me) noexcept;

}  // namespace gmp::detail
