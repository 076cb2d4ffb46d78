#include <algorithm>
#include <charconv>
#include <string>

#include "surfaces/peptideclients/read_api_operations.h"

namespace waybill::surfaces::peptideclients::reads {
namespace {

constexpr int kLimitMax = 100;

// The one value of a parameter. Given twice, it is nothing that could be read.
struct Given {
  std::optional<std::string> value;
  bool twice = false;
};

Given find(const std::vector<std::pair<std::string, std::string>>& parameters,
           std::string_view name) {
  Given given;
  for (const auto& [key, value] : parameters) {
    if (key != name) continue;
    given.twice = given.value.has_value();
    given.value = value;
  }
  return given;
}

Result<int> read_limit(const Given& given) {
  if (!given.value) return store::list_clock::Request().limit;
  const std::string& text = *given.value;
  const bool is_number = !given.twice && !text.empty() &&
                         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  // However many digits: what is out of an int's range is above the most there are.
  int limit = kLimitMax;
  if (is_number) std::from_chars(text.data(), text.data() + text.size(), limit);
  if (is_number && limit >= 1) return std::min(limit, kLimitMax);
  return fail(Code::kInvalid, "invalid_limit", "`limit` has to be a number from 1 up.");
}

Result<std::optional<store::list_clock::Position>> read_cursor(const Given& at, const Given& id) {
  if (!at.value && !id.value) return std::optional<store::list_clock::Position>();
  if (!at.value || !id.value || at.twice || id.twice) {
    return fail(Code::kInvalid, "invalid_cursor",
                "`cursor_at` and `cursor_id` come together, each once.");
  }
  const auto time = parse_iso_time(*at.value);
  const auto uuid = Uuid::parse(*id.value);
  if (time && uuid) return std::optional(store::list_clock::Position{*time, *uuid});
  return fail(Code::kInvalid, "invalid_cursor",
              time ? "`cursor_id` has to be an id: a UUID."
                   : "`cursor_at` has to be a time as 2026-05-19T12:00:00.000Z.");
}

}  // namespace

Result<store::list_clock::Request> read_list_query(std::string_view query) {
  const auto parameters = net::parse_query(query);
  if (!parameters) return fail(parameters.error());
  const auto limit = read_limit(find(*parameters, "limit"));
  if (!limit) return fail(limit.error());
  const auto after = read_cursor(find(*parameters, "cursor_at"), find(*parameters, "cursor_id"));
  if (!after) return fail(after.error());
  return store::list_clock::Request{*limit, *after};
}

}  // namespace waybill::surfaces::peptideclients::reads
