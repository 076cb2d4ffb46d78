#include "app/cli/session.h"

#include <algorithm>
#include <charconv>
#include <iostream>
#include <iterator>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "app/files.h"
#include "base/bytes.h"
#include "base/check.h"

namespace waybill::app::cli {
namespace {

constexpr std::int64_t kPageMax = 200;      // The API's own.
constexpr std::int64_t kLimitDefault = 50;  // The API's own, too.
constexpr std::int64_t kLimitMax = 1'000'000;
constexpr std::size_t kInputBytesMax = 64 * 1024 * 1024;

// "--rate-per-second" is rate_per_second in JSON and queries.
std::string member_of(std::string_view argument) {
  std::string name(argument.substr(argument.find_first_not_of('-')));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

}  // namespace

Session::Session(Invocation invocation, Environment environment)
    : invocation_(std::move(invocation)), environment_(std::move(environment)) {}

bool Session::has(std::string_view name) const { return invocation_.arguments.contains(name); }

std::optional<std::string> Session::value(std::string_view name) const {
  const auto found = invocation_.arguments.find(name);
  if (found == invocation_.arguments.end()) return std::nullopt;
  return found->second.front();
}

std::vector<std::string> Session::values(std::string_view name) const {
  const auto found = invocation_.arguments.find(name);
  return found == invocation_.arguments.end() ? std::vector<std::string>() : found->second;
}

std::vector<std::string> Session::list(std::string_view name) const {
  std::vector<std::string> parts;
  for (const std::string& value : values(name)) {
    std::string_view rest = value;
    for (;;) {
      const std::size_t comma = rest.find(',');
      std::string_view part = rest.substr(0, comma);
      while (part.starts_with(' ')) part.remove_prefix(1);
      while (part.ends_with(' ')) part.remove_suffix(1);
      if (!part.empty()) parts.emplace_back(part);
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return parts;
}

Result<std::optional<std::int64_t>> Session::number(std::string_view name) const {
  const auto text = value(name);
  if (!text) return std::optional<std::int64_t>();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc{} || end != text->data() + text->size()) {
    return usage_error(fmt::format("{} takes a whole number, not '{}'.", name, *text));
  }
  return std::optional(number);
}

Result<HubClient*> Session::hub() {
  if (!hub_) {
    // Where a command has a --url of its own, the hub's is --hub.
    const auto& own = invocation_.command->arguments;
    const bool has_own_url = std::any_of(
        own.begin(), own.end(), [](const Argument& argument) { return argument.name == "--url"; });
    auto url = value("--hub");
    if (!url && !has_own_url) url = value("--url");
    auto found = find_hub({url, value("--token"), value("--ca-file")}, environment_);
    if (!found) return fail(found.error());
    hub_ = std::make_unique<HubClient>(std::move(*found));
  }
  return hub_.get();
}

Result<json::value> Session::ask(std::string_view method, const Path& path, const Query& query,
                                 const json::value& body, std::string idempotency_key,
                                 std::chrono::seconds patience) {
  if (!path) return fail(path.error());
  const auto client = hub();
  if (!client) return fail(client.error());
  auto answer = (*client)->ask(method, *path, query, body, std::move(idempotency_key), patience);
  if (!answer) return fail(answer.error());
  return std::move(answer->body);
}

Result<json::value> Session::get(const Path& path, const Query& query) {
  return ask("GET", path, query, nullptr, "");
}
Result<json::value> Session::post(const Path& path, const json::value& body,
                                  std::string idempotency_key, std::chrono::seconds patience) {
  return ask("POST", path, {}, body, std::move(idempotency_key), patience);
}
Result<json::value> Session::put(const Path& path, const json::value& body) {
  return ask("PUT", path, {}, body, "");
}
Result<json::value> Session::put(const Path& path, std::chrono::seconds patience) {
  return ask("PUT", path, {}, nullptr, "", patience);
}
Result<json::value> Session::patch(const Path& path, const json::value& body) {
  return ask("PATCH", path, {}, body, "");
}
Result<json::value> Session::remove(const Path& path) {
  return ask("DELETE", path, {}, nullptr, "");
}

Session::Path Session::in_workspace(std::string_view rest) {
  constexpr std::string_view root = "/hub/v1/workspaces";
  auto slug = value("--workspace");
  if (!slug) slug = environment_("WAYBILL_WORKSPACE");
  if (!slug) {
    const auto answer = get(std::string(root), {{"limit", "2"}});
    if (!answer && answer.error().code == Code::kForbidden) {
      return usage_error(
          "Name the workspace with --workspace or WAYBILL_WORKSPACE: an API key "
          "cannot list them.");
    }
    if (!answer) return fail(answer.error());
    const json::object* page = answer->if_object();
    const json::value* member = page ? page->if_contains("rows") : nullptr;
    const json::array* rows = member ? member->if_array() : nullptr;
    if (rows == nullptr || rows->empty()) {
      return usage_error("There is no workspace yet. Make one: waybill workspace create SLUG");
    }
    const json::object* first = rows->front().if_object();
    const json::value* only = first ? first->if_contains("slug") : nullptr;
    if (rows->size() > 1 || only == nullptr || !only->is_string()) {
      return usage_error(
          "There are several workspaces; name one with --workspace or "
          "WAYBILL_WORKSPACE. List them: waybill workspace list");
    }
    slug = std::string(only->get_string().data(), only->get_string().size());
    note(fmt::format("In workspace {}, the only one.", *slug));
  }
  return fmt::format("{}/{}{}", root, segment(*slug), rest);
}

// One page after the other until there are enough rows. A page whose answer is larger than the
// client reads is asked for again in smaller ones.
Result<json::value> Session::collect(const Path& path, Query query) {
  const auto limit = number("--limit");
  if (!limit) return fail(limit.error());
  if (*limit && (**limit < 1 || **limit > kLimitMax)) {
    return usage_error(fmt::format("--limit is 1 to {}.", kLimitMax));
  }
  std::int64_t left = has("--all") ? kLimitMax : limit->value_or(kLimitDefault);
  std::int64_t page_size = kPageMax;
  std::optional<std::string> cursor = value("--cursor");
  json::array rows;
  for (;;) {
    Query page_query = query;
    page_query.emplace_back("limit", std::to_string(std::min(left, page_size)));
    if (cursor) page_query.emplace_back("cursor", *cursor);
    auto answer = get(path, page_query);
    if (!answer && answer.error().code == Code::kTooLarge && page_size > 1) {
      page_size = std::max<std::int64_t>(1, std::min(left, page_size) / 4);
      continue;
    }
    if (!answer) return fail(answer.error());
    json::object* page = answer->if_object();
    json::value* page_rows = page ? page->if_contains("rows") : nullptr;
    if (page_rows == nullptr || !page_rows->is_array()) {
      return fail(Code::kUnavailable, "hub_not_waybill", "The hub's answer is not a list.");
    }
    left -= static_cast<std::int64_t>(page_rows->get_array().size());
    for (json::value& row : page_rows->get_array()) rows.push_back(std::move(row));
    const json::value* next = page->if_contains("next_cursor");
    cursor.reset();
    if (next != nullptr && next->is_string()) {
      cursor = std::string(next->get_string().data(), next->get_string().size());
    }
    if (!cursor || left <= 0) break;
  }
  json::object all;
  all["rows"] = std::move(rows);
  if (cursor) {
    all["next_cursor"] = *cursor;
  } else {
    all["next_cursor"] = nullptr;
  }
  return all;
}

Result<void> Session::print_list(const Path& path, std::initializer_list<std::string_view> filters,
                                 const std::vector<Column>& columns, Query query) {
  for (const std::string_view filter : filters) {
    if (auto given = value(filter)) query.emplace_back(member_of(filter), std::move(*given));
  }
  auto answer = collect(path, std::move(query));
  if (!answer) return fail(answer.error());
  print_rows(*answer, columns);
  if (const json::string* cursor = answer->get_object().at("next_cursor").if_string()) {
    note(fmt::format("There are more: --all, or --cursor {}",
                     std::string_view(cursor->data(), cursor->size())));
  }
  return {};
}

void Session::print_rows(const json::value& answer, const std::vector<Column>& columns) const {
  if (wants_json()) return print(answer);
  const json::object* page = answer.if_object();
  const json::value* member = page ? page->if_contains("rows") : nullptr;
  const json::array* rows = member ? member->if_array() : nullptr;
  if (rows == nullptr || rows->empty()) return note("There are none.");
  std::cout << render_table(columns, *rows) << std::flush;
}

void Session::print(const json::value& answer) const {
  if (wants_json()) {
    std::cout << (::isatty(STDOUT_FILENO) != 0 ? write_json_pretty(answer) : write_json(answer))
              << std::endl;
  } else if (const json::object* object = answer.if_object()) {
    std::cout << describe(*object) << std::flush;
  } else {
    std::cout << printable(write_json_pretty(answer), /*keep_lines=*/true) << std::endl;
  }
}

Result<void> Session::print_answer(const Result<json::value>& answer) const {
  if (!answer) return fail(answer.error());
  print(*answer);
  return {};
}

void Session::print_line(std::string_view text) const { std::cout << text << std::endl; }

void Session::note(std::string_view text) const {
  if (!wants_json()) std::cerr << text << std::endl;
}

std::string segment(std::string_view text) { return percent_encode(text); }

void add_text(json::object& body, const Session& session, std::string_view argument) {
  if (const auto given = session.value(argument)) body[member_of(argument)] = *given;
}

Result<std::string> read_input(const std::string& file) {
  if (file == "-") {
    std::string text(std::istreambuf_iterator<char>(std::cin), {});
    if (text.size() > kInputBytesMax) return usage_error("The input is too long.");
    return text;
  }
  auto text = read_bytes(file, kInputBytesMax);
  if (!text) return usage_error(text.error().message);
  return text;
}

}  // namespace waybill::app::cli
