#include "surfaces/precoro/request_limiter.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace waybill::surfaces::precoro {
namespace {

using namespace std::chrono_literals;

// Which of the numbers "300/min" is about. Null: none.
int* find_limit(RequestLimits& limits, std::string_view unit) {
  if (unit == "s") return &limits.per_second;
  if (unit == "min") return &limits.per_minute;
  if (unit == "h") return &limits.per_hour;
  return unit == "day" ? &limits.per_day : nullptr;
}

bool read_number(std::string_view text, int& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number >= 1 &&
         number <= RequestLimits::kRequestsMax;
}

// "300/min" or "repeat 1m".
bool read_part(std::string_view part, RequestLimits& limits) {
  constexpr std::string_view kRepeat = "repeat ";
  if (part.starts_with(kRepeat)) {
    const auto repeat = parse_duration(trimmed(part.substr(kRepeat.size())));
    if (!repeat || *repeat < 1ms || *repeat > 24h || limits.repeat > 0ms) return false;
    limits.repeat = *repeat;
    return true;
  }
  const std::size_t slash = part.find('/');
  if (slash == std::string_view::npos) return false;
  int* limit = find_limit(limits, part.substr(slash + 1));
  return limit && *limit == 0 && read_number(part.substr(0, slash), *limit);
}

}  // namespace

Result<RequestLimits> RequestLimits::parse(std::string_view text) {
  RequestLimits limits{0, 0, 0, 0, 0ms};
  if (text == "none") return limits;
  for (std::string_view rest = text;;) {
    const std::size_t comma = rest.find(',');
    if (!read_part(trimmed(rest.substr(0, comma)), limits)) {
      return fail(Code::kInvalid,
                  "it is a list such as \"300/min, 1500/h, 3000/day\", of N/s, N/min, N/h, N/day "
                  "and repeat DURATION, each at most once; or none");
    }
    if (comma == std::string_view::npos) return limits;
    rest.remove_prefix(comma + 1);
  }
}

RequestLimiter::RequestLimiter(const RequestLimits& limits)
    : rules_{{{"Second limiter", 1s, limits.per_second},
              {"Minute limiter", 1min, limits.per_minute},
              {"Hourly limiter", 1h, limits.per_hour},
              {"Daily limiter", 24h, limits.per_day}}},
      repeat_(limits.repeat) {}

RequestLimiter::Caller& RequestLimiter::find(const Uuid& id, Timestamp now) {
  if (callers_.size() >= kCallersMax && !callers_.contains(id)) {
    std::erase_if(callers_, [&](const auto& entry) {
      const Window& day = entry.second.windows.back();
      return now - day.began >= rules_.back().length;
    });
    if (callers_.size() >= kCallersMax) callers_.clear();
  }
  return callers_[id];
}

void RequestLimiter::remember(Caller& caller, const crypto::Digest& request, Timestamp now) const {
  if (caller.latest.size() >= kRequestsMax) {
    std::erase_if(caller.latest, [&](const auto& entry) { return now - entry.second >= repeat_; });
    if (caller.latest.size() >= kRequestsMax) caller.latest.clear();
  }
  caller.latest[request] = now;
}

std::optional<RequestLimiter::Refusal> RequestLimiter::count(const Uuid& id,
                                                             std::string_view request,
                                                             Timestamp now) {
  Caller& caller = find(id, now);
  std::optional<Refusal> refusal;
  const auto refuse = [&](const Refusal& candidate) {
    if (!refusal || refusal->until < candidate.until) refusal = candidate;
  };
  for (std::size_t i = 0; i < kWindows; ++i) {
    Window& window = caller.windows[i];
    if (now - window.began >= rules_[i].length) window = {now, 0};
    if (rules_[i].limit == 0 || window.requests < rules_[i].limit) continue;
    refuse({rules_[i].limiter, rules_[i].limit, window.began + rules_[i].length});
  }
  const bool is_timed = repeat_ > 0ms;
  const crypto::Digest digest = is_timed ? crypto::sha256(request) : crypto::Digest();
  if (const auto latest = caller.latest.find(digest);
      is_timed && latest != caller.latest.end() && now - latest->second < repeat_) {
    refuse({"Route-based limiter by minute", 1, latest->second + repeat_});
  }
  if (refusal) return refusal;
  for (Window& window : caller.windows) ++window.requests;
  if (is_timed) remember(caller, digest, now);
  return std::nullopt;
}

}  // namespace waybill::surfaces::precoro
