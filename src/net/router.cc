#include "net/router.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/bytes.h"
#include "base/check.h"
#include "base/json.h"

namespace waybill::net {
namespace {

constexpr std::size_t kSegmentsMax = 16;

// The segments of a path; nothing if there are more than any route has.
struct Segments {
  std::array<std::string_view, kSegmentsMax> all;
  std::size_t count = 0;
  bool too_many = false;

  explicit Segments(std::string_view path) {
    if (path.starts_with('/')) path.remove_prefix(1);
    for (;;) {
      const std::size_t slash = path.find('/');
      if (count == kSegmentsMax) {
        too_many = true;
        return;
      }
      all[count++] = path.substr(0, slash);
      if (slash == std::string_view::npos) return;
      path.remove_prefix(slash + 1);
    }
  }
};

// Nothing if it is not properly percent-encoded UTF-8.
std::optional<std::string> decode(std::string_view text) {
  auto decoded = percent_decode(text);
  if (decoded && !is_utf8(*decoded)) return std::nullopt;
  return decoded;
}

bool is_name(std::string_view segment) { return segment.starts_with('{'); }

}  // namespace

void Router::add(Route route) {
  const Segments segments(route.pattern);
  WAYBILL_CHECK(!segments.too_many, "a route has at most 16 segments");
  Compiled compiled;
  compiled.segments.assign(segments.all.begin(),
                           segments.all.begin() + static_cast<std::ptrdiff_t>(segments.count));
  std::string pattern;
  for (std::size_t i = 0; i + 1 < segments.count; ++i) {
    Words& taken = words_[pattern];
    compiled.taken.push_back(&taken);
    const std::string& segment = compiled.segments[i];
    if (!is_name(segment)) taken.insert(segment);
    pattern += '/';
    pattern += is_name(segment) ? "{}" : segment;
  }
  compiled.taken.push_back(nullptr);
  compiled.route = routes_.size();
  routes_.push_back(std::move(route));
  const auto before = [](const Compiled& a, const Compiled& b) {
    return std::lexicographical_compare(
        a.segments.begin(), a.segments.end(), b.segments.begin(), b.segments.end(),
        [](const std::string& x, const std::string& y) { return !is_name(x) && is_name(y); });
  };
  compiled_.insert(std::upper_bound(compiled_.begin(), compiled_.end(), compiled, before),
                   std::move(compiled));
}

bool Router::Compiled::fits(std::size_t segment, std::string_view given) const {
  if (!is_name(segments[segment])) return segments[segment] == given;
  return !given.empty() && !(taken[segment] && taken[segment]->contains(given));
}

const Handler* Router::find(Request& request, Miss& miss) const {
  const Segments segments(request.path);
  if (segments.too_many) return nullptr;
  for (const Compiled& candidate : compiled_) {
    if (candidate.segments.size() != segments.count) continue;
    std::size_t fitting = 0;
    while (fitting < segments.count && candidate.fits(fitting, segments.all[fitting])) ++fitting;
    if (fitting < segments.count) continue;
    const Route& route = routes_[candidate.route];
    if (route.method != request.method) {
      if (std::ranges::find(miss.allow, route.method) == miss.allow.end()) {
        miss.allow.push_back(route.method);
      }
      continue;
    }
    request.params.clear();
    for (std::size_t i = 0; i < segments.count; ++i) {
      const std::string_view wanted = candidate.segments[i];
      if (!is_name(wanted)) continue;
      auto value = decode(segments.all[i]);
      if (!value) {
        miss = {Code::kInvalid, {}};
        return nullptr;
      }
      request.params.emplace_back(wanted.substr(1, wanted.size() - 2), std::move(*value));
    }
    return &route.handler;
  }
  // A path that names nothing because it cannot be read is the caller's fault, wherever it leads.
  if (miss.allow.empty() && !decode(request.path)) miss.code = Code::kInvalid;
  return nullptr;
}

}  // namespace waybill::net
