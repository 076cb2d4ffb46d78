// What a fuzz target is: one function that is called with any bytes at all, and that stops the
// process by WAYBILL_CHECK when a promise of the code under test is broken. It leaves nothing
// behind, so that an input does the same whichever came before it.

#pragma once

#include <string_view>

namespace waybill::fuzz {

// Defined once by each target, NAME.cc.
void try_input(std::string_view input);

}  // namespace waybill::fuzz
