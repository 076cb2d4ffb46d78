// The program `waybill` as a function: words in, exit status out.

#pragma once

#include <string>
#include <vector>

#include "app/settings.h"

namespace waybill::app::cli {

// 0: done. 1: it could not be done; standard error says why. 2: the words make no sense; it says
// what would.
int run_program(std::vector<std::string> words, const Environment& environment);

}  // namespace waybill::app::cli
