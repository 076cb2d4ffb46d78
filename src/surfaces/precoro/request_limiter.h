// How many requests Precoro takes with a token: so many within a second, a minute, an hour and a
// day, each counted from the first of them; and, if that is wanted, the same request only once in a
// while.
//
// It does no I/O, and time is an argument. It counts in memory: each node by itself, and anew after
// a restart.

#pragma once

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "crypto/digest.h"

namespace waybill::surfaces::precoro {

struct RequestLimits {
  static constexpr int kRequestsMax = 1'000'000;

  // 0: any number.
  int per_second = 0;
  int per_minute = 300;
  int per_hour = 1'500;
  int per_day = 3'000;
  // How long the same request is not taken again. 0: it is taken.
  std::chrono::milliseconds repeat{0};

  // Reads "300/min, 1500/h, 3000/day", "1/s, repeat 1m" and the like, of which what is not there is
  // not limited; or "none". Fails with kInvalid and what may be given.
  static Result<RequestLimits> parse(std::string_view text);

  friend bool operator==(const RequestLimits&, const RequestLimits&) = default;
};

class RequestLimiter {
 public:
  // Remembered. When there are more, those whose day is over are forgotten, or else all.
  static constexpr std::size_t kCallersMax = 10'000;
  // Of each caller. When there are more, those that may be repeated are forgotten, or else all.
  static constexpr std::size_t kRequestsMax = 5'000;

  explicit RequestLimiter(const RequestLimits& limits);

  struct Refusal {
    std::string_view limiter;  // As Precoro names it.
    int limit = 0;
    Timestamp until{};  // From then on the request is taken.
  };
  // Counts a request of `caller`, unless it is one too many: then the refusal that lasts longest.
  // `request` tells those apart that are not the same.
  std::optional<Refusal> count(const Uuid& caller, std::string_view request, Timestamp now);

 private:
  static constexpr std::size_t kWindows = 4;
  struct Window {
    Timestamp began{};
    int requests = 0;
  };
  struct Caller {
    std::array<Window, kWindows> windows;
    std::map<crypto::Digest, Timestamp> latest;  // When each request was last taken.
  };
  struct Rule {
    std::string_view limiter;
    std::chrono::milliseconds length{};
    int limit = 0;
  };
  Caller& find(const Uuid& id, Timestamp now);
  void remember(Caller& caller, const crypto::Digest& request, Timestamp now) const;

  const std::array<Rule, kWindows> rules_;
  const std::chrono::milliseconds repeat_;
  std::map<Uuid, Caller> callers_;
};

}  // namespace waybill::surfaces::precoro
