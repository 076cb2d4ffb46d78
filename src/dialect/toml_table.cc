#include "dialect/toml_table.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/clock.h"

namespace waybill::dialect {
namespace {

int line_of(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

}  // namespace

Error Faults::error() const {
  std::vector<std::pair<int, std::string>> sorted = all_;
  std::ranges::sort(sorted);
  std::string message;
  for (const auto& [line, reason] : sorted) {
    if (!message.empty()) message += '\n';
    message += fmt::format("{}:{}: {}", file_, line, reason);
  }
  return Error(Code::kInvalid, "dialect_invalid", std::move(message));
}

TomlTable::TomlTable(const toml::table& table, std::string where, Faults& faults)
    : table_(table),
      where_(std::move(where)),
      line_(std::max(1, line_of(table))),
      faults_(faults) {}

const toml::node* TomlTable::find(std::string_view key) {
  known_.emplace(key);
  return table_.get(key);
}

int TomlTable::line(std::string_view key) const {
  const toml::node* const node = table_.get(key);
  return node ? line_of(*node) : line_;
}

void TomlTable::fault(std::string_view key, std::string reason) {
  const std::string name = where_.empty() ? std::string(key) : fmt::format("{} {}", where_, key);
  faults_.add(line(key), fmt::format("{}: {}", name, reason));
}

std::optional<TomlText> TomlTable::text(std::string_view key) {
  const toml::node* const node = find(key);
  if (!node) return std::nullopt;
  if (const auto* text = node->as_string()) return TomlText{text->get(), line_of(*node)};
  fault(key, "must be a string");
  return std::nullopt;
}

std::optional<TomlText> TomlTable::required_text(std::string_view key) {
  std::optional<TomlText> found = text(key);
  if (!has(key)) {
    fault(key, "is missing");
  } else if (found && found->text.empty()) {
    fault(key, "is empty");
    return std::nullopt;
  }
  return found;
}

std::optional<bool> TomlTable::boolean(std::string_view key) {
  const toml::node* const node = find(key);
  if (!node) return std::nullopt;
  if (const auto* boolean = node->as_boolean()) return boolean->get();
  fault(key, "must be true or false");
  return std::nullopt;
}

std::optional<int> TomlTable::integer(std::string_view key, int low, int high) {
  const toml::node* const node = find(key);
  if (!node) return std::nullopt;
  const auto* integer = node->as_integer();
  if (integer && integer->get() >= low && integer->get() <= high) {
    return static_cast<int>(integer->get());
  }
  fault(key, fmt::format("must be a whole number from {} to {}", low, high));
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> TomlTable::duration(std::string_view key) {
  const std::optional<TomlText> written = text(key);
  if (!written) return std::nullopt;
  const auto duration = parse_duration(written->text);
  if (!duration) {
    fault(key,
          fmt::format("\"{}\" is no duration, as 250ms, 30s, 5m, 2h or 7d are", written->text));
  }
  return duration;
}

std::optional<std::vector<TomlText>> TomlTable::texts(std::string_view key) {
  const toml::node* const node = find(key);
  if (!node) return std::nullopt;
  const toml::array* const array = node->as_array();
  std::vector<TomlText> found;
  for (std::size_t i = 0; array && i < array->size(); ++i) {
    const auto* text = (*array)[i].as_string();
    if (!text) break;
    found.push_back({text->get(), line_of((*array)[i])});
  }
  if (array && found.size() == array->size()) return found;
  fault(key, "must be an array of strings");
  return std::nullopt;
}

std::optional<TomlTable> TomlTable::table(std::string_view key) {
  const toml::node* const node = find(key);
  if (!node) return std::nullopt;
  if (const toml::table* table = node->as_table()) {
    std::string name = where_.empty()
                           ? fmt::format("[{}]", key)
                           : fmt::format("{}.\"{}\"]", where_.substr(0, where_.size() - 1), key);
    return TomlTable(*table, std::move(name), faults_);
  }
  fault(key, "must be a table");
  return std::nullopt;
}

std::vector<TomlTable> TomlTable::tables(std::string_view key) {
  std::vector<TomlTable> found;
  const toml::node* const node = find(key);
  if (!node) return found;
  const toml::array* const array = node->as_array();
  for (std::size_t i = 0; array && i < array->size(); ++i) {
    const toml::table* const table = (*array)[i].as_table();
    if (!table) break;
    found.emplace_back(
        *table, fmt::format("[{}.{}]", where_.substr(0, where_.size() - 1), key) + "]", faults_);
  }
  if (!array || found.size() != array->size()) fault(key, "must be an array of tables");
  return found;
}

std::optional<std::size_t> TomlTable::word(std::string_view key,
                                           const std::vector<std::string_view>& words) {
  const std::optional<TomlText> written = text(key);
  if (!written) return std::nullopt;
  const auto found = std::ranges::find(words, std::string_view(written->text));
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  fault(key, fmt::format("\"{}\" is none of: {}", written->text, fmt::join(words, ", ")));
  return std::nullopt;
}

std::vector<std::string> TomlTable::keys() const {
  // toml++ sorts a table by name.
  std::vector<std::pair<std::pair<toml::source_index, toml::source_index>, std::string>> placed;
  for (const auto& [key, node] : table_) {
    const toml::source_position at = key.source().begin;
    placed.push_back({{at.line, at.column}, std::string(key.str())});
  }
  std::ranges::sort(placed);
  std::vector<std::string> keys;
  for (auto& [at, key] : placed) keys.push_back(std::move(key));
  return keys;
}

void TomlTable::finish() {
  for (const auto& [key, node] : table_) {
    if (known_.contains(key.str())) continue;
    const std::string where = where_.empty() ? "a dialect" : where_;
    faults_.add(
        static_cast<int>(key.source().begin.line),
        fmt::format("{} has no key \"{}\"; it has: {}", where, key.str(), fmt::join(known_, ", ")));
  }
}

std::optional<toml::table> parse_toml(std::string_view text, std::string_view file,
                                      Faults& faults) {
  try {
    return toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    faults.add(static_cast<int>(error.source().begin.line), std::string(error.description()));
    return std::nullopt;
  }
}

}  // namespace waybill::dialect
