// WAYBILL_CHECK stops the process when the code itself is wrong. It is on in every build: a hub
// that goes on after a broken promise would sign and send what it cannot vouch for. What can happen
// at run time is a Result (base/result.h), never a check.

#pragma once

#include <string_view>

namespace waybill {

// Prints where and what to standard error, and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               std::string_view message);

}  // namespace waybill

#define WAYBILL_CHECK(condition, message)                               \
  do {                                                                  \
    if (!(condition)) [[unlikely]]                                      \
      ::waybill::check_failed(__FILE__, __LINE__, #condition, message); \
  } while (false)
