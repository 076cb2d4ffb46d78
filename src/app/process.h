// What this process takes of the machine, for /metrics; and what that is called.

#pragma once

#include <cstdint>
#include <string>

namespace waybill::app {

struct ProcessUse {
  std::int64_t resident_bytes = 0;
  std::int64_t open_descriptors = 0;
  std::int64_t descriptors_max = 0;
  double cpu_seconds = 0;
};

// What cannot be found out is 0.
ProcessUse process_use();

// As the machine calls itself; "localhost" if it cannot tell.
std::string host_name();

}  // namespace waybill::app
