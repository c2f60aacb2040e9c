#include "embedding/signals_body.hpp"

namespace signals {
counts unsplit;
void on_signal_unsplit(int) { handle(unsplit); }
}  // namespace signals
