// Traffic is what is known of every request, whichever surface answers it: its id, how often and
// how fast it was answered, and its line in the access log.
//
// Used from the thread of the io_context only.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/log.h"
#include "base/metrics.h"
#include "net/http.h"

namespace waybill::app {

class Traffic {
 public:
  static constexpr std::size_t kClasses = 5;  // 1xx to 5xx

  struct Surface {
    std::string_view name;
    std::array<std::uint64_t, kClasses> answers{};  // By the status' first digit.
    Histogram seconds;
  };

  // With `every_request` each has a log line; else those of the level debug, as it were.
  Traffic(Log& log, IdGenerator& ids, bool every_request);

  // A surface to count by, in the order of calls. `name` is a literal.
  void add_surface(std::string_view name);
  const std::vector<Surface>& surfaces() const { return surfaces_; }

  // The caller's X-Request-Id, if it is 1 to 64 letters, digits, dots, dashes and underscores; or a
  // new one.
  std::string request_id(const net::Request& request);

  // `request` has been answered after `elapsed`: counts it, gives the answer its X-Request-Id, and
  // logs it. Requires: request.id.
  void note(std::size_t surface, const net::Request& request, net::Response& response,
            std::chrono::microseconds elapsed);

 private:
  Log& log_;
  IdGenerator& ids_;
  const bool every_request_;
  std::vector<Surface> surfaces_;
};

}  // namespace waybill::app
