#include "surfaces/precoro/list_query.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "net/http.h"

namespace waybill::surfaces::precoro {
namespace {

std::unexpected<Error> refuse(std::string_view name, std::string_view wanted) {
  return fail(Code::kInvalid, "query_invalid",
              fmt::format("The query parameter {} has to be {}.", name, wanted));
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_whole = error == std::errc{} && end == text.data() + text.size();
  return is_whole && number >= 0 ? std::optional(number) : std::nullopt;
}

// "2023-10-10T00:00:00", which is in UTC, or with an offset, or the day alone.
std::optional<Timestamp> moment(std::string_view text) {
  if (is_iso_date(text)) return parse_iso_time(fmt::format("{}T00:00:00Z", text));
  if (const auto time = parse_iso_time(text)) return time;
  return parse_iso_time(fmt::format("{}Z", text));
}

// "2023-12-01" of "01.12.2023".
std::optional<std::string> day(std::string_view text) {
  constexpr std::size_t kCharacters = 10;
  if (text.size() != kCharacters || text[2] != '.' || text[5] != '.') return std::nullopt;
  std::string date = fmt::format("{}-{}-{}", text.substr(6), text.substr(3, 2), text.substr(0, 2));
  return is_iso_date(date) ? std::optional(std::move(date)) : std::nullopt;
}

// The "status" of "status[]" or "status[0]"; empty for any other name.
std::string_view list_name(std::string_view name) {
  const std::size_t open = name.find('[');
  if (open == std::string_view::npos || !name.ends_with(']')) return {};
  const std::string_view index = name.substr(open + 1, name.size() - open - 2);
  const bool is_index = std::ranges::all_of(index, [](char c) { return c >= '0' && c <= '9'; });
  return is_index ? name.substr(0, open) : std::string_view();
}

// One parameter after the other.
class Reader {
 public:
  explicit Reader(ListQuery& query) : query_(query), filter_(query.filter) {}

  Result<void> read(const std::string& name, const std::string& value) {
    const std::string_view list = list_name(name);
    if (list == "status") return add(filter_.statuses, name, value);
    if (list == "supplier") return add(filter_.suppliers, name, value);
    if (!given_.insert(name).second) {
      return fail(Code::kInvalid, "query_invalid",
                  fmt::format("The query parameter {} is given twice.", name));
    }
    if (name == "modifiedSince") {
      return set(filter_.modified_since, name, moment(value), "a time, as 2023-10-10T00:00:00");
    }
    if (name == "approvalDate[left_date]") {
      return set(filter_.approved_from, name, day(value), "a day, as 01.12.2023");
    }
    if (name == "approvalDate[right_date]") {
      return set(filter_.approved_until, name, day(value), "a day, as 31.12.2023");
    }
    if (name == "enable") return read_enable(value);
    if (name == "page") return read_page(value);
    if (name == "per_page") return read_page_size(value);
    return fail(Code::kInvalid, "query_unknown",
                fmt::format("Lists are narrowed by modifiedSince, approvalDate[left_date], "
                            "approvalDate[right_date], status[], supplier[] and enable, and come "
                            "in pages by page and per_page; there is no {}.",
                            is_utf8(name) ? name : "such parameter"));
  }

 private:
  static Result<void> add(std::vector<std::int64_t>& values, const std::string& name,
                          std::string_view text) {
    const auto number = whole_number(text);
    if (!number) return refuse(name, "a whole number");
    if (values.size() == store::documents::Filter::kValuesMax) {
      return refuse(name,
                    fmt::format("given at most {} times", store::documents::Filter::kValuesMax));
    }
    values.push_back(*number);
    return {};
  }
  template <class T>
  static Result<void> set(std::optional<T>& member, std::string_view name,
                          const std::optional<T>& value, std::string_view wanted) {
    if (!value) return refuse(name, wanted);
    member = value;
    return {};
  }
  Result<void> read_enable(std::string_view text) {
    const bool on = text == "true" || text == "1";
    if (!on && text != "false" && text != "0") return refuse("enable", "true or false");
    filter_.enabled = on;
    return {};
  }
  Result<void> read_page(std::string_view text) {
    const auto number = text == "last" ? std::optional(ListQuery::kLastPage) : whole_number(text);
    const bool good = number && *number <= ListQuery::kPagesMax && (*number >= 1 || text == "last");
    if (!good) {
      return refuse("page", fmt::format("a number from 1 to {}, or last", ListQuery::kPagesMax));
    }
    query_.page = *number;
    return {};
  }
  Result<void> read_page_size(std::string_view text) {
    const auto size = whole_number(text);
    const auto& sizes = ListQuery::kPageSizes;
    if (!size || std::ranges::find(sizes, *size) == std::end(sizes)) {
      return refuse("per_page", "10, 20, 50, 100 or 200");
    }
    query_.page_size = static_cast<int>(*size);
    return {};
  }

  ListQuery& query_;
  store::documents::Filter& filter_;
  std::set<std::string, std::less<>> given_;
};

}  // namespace

Result<ListQuery> read_list_query(std::string_view query) {
  ListQuery read;
  const auto parameters = net::parse_query(query);
  if (!parameters) return fail(parameters.error());
  Reader reader(read);
  for (const auto& [name, value] : *parameters) WAYBILL_TRY(reader.read(name, value));
  return read;
}

}  // namespace waybill::surfaces::precoro
