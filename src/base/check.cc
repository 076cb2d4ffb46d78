#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace waybill {

void check_failed(const char* file, int line, const char* condition, std::string_view message) {
  std::fprintf(stderr, "%s:%d: %s is false: %.*s\n", file, line, condition,
               static_cast<int>(message.size()), message.data());
  std::abort();
}

}  // namespace waybill
