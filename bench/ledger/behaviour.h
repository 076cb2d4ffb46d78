// How an endpoint of the ledger answers a webhook: well, or in one of the ways receivers fail in.

#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace waybill::bench {

struct Behaviour {
  enum class Kind {
    kHealthy,   // 200 at once.
    kDelay,     // 200 after `delay`.
    kFail,      // `status` to the first `tries` tries of each event, then 200.
    kStatus,    // `status`, always.
    kNever,     // Reads the request and never answers.
    kDrip,      // A byte of the answer each second.
    kEndless,   // 200, and a body without end.
    kReset,     // Resets the connection.
    kRedirect,  // 302 to `location`.
  };

  Kind kind = Kind::kHealthy;
  std::chrono::milliseconds delay{0};
  int tries = 0;
  int status = 200;
  std::string location;

  // True if every webhook is taken in the end: then each one that does not come is lost.
  bool takes_all() const {
    return kind == Kind::kHealthy || kind == Kind::kDelay || kind == Kind::kFail;
  }
};

// Reads "healthy", "delay:30s", "fail:2", "fail:2:500", "status:410", "never", "drip", "endless",
// "reset", "redirect:http://127.0.0.1:9/".
// Fails with kInvalid and a sentence that lists them.
Result<Behaviour> parse_behaviour(std::string_view text);

}  // namespace waybill::bench
