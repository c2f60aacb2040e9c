// The key functions of the exception classes: one home for their type information.
#include "gmp/errors.hpp"

namespace gmp {

closed_channel::~closed_channel() = default;
nil_channel::~nil_channel() = default;

}  // namespace gmp
