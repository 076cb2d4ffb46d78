// Reads one table of a TOML file strictly: whatever is of a wrong type, out of bounds or not asked
// for becomes a fault with its line. A reader with a fault goes on, so that the author of a file
// learns of all its faults at once. Used by loader.cc alone.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <toml++/toml.h>

#include "base/result.h"

namespace waybill::dialect {

// What is wrong with one file.
class Faults {
 public:
  explicit Faults(std::string_view file) : file_(file) {}

  void add(int line, std::string reason) { all_.emplace_back(line, std::move(reason)); }
  bool none() const { return all_.empty(); }
  // Requires: !none(). kInvalid (dialect_invalid): "FILE:LINE: reason", a line each, by line.
  Error error() const;

 private:
  std::string file_;
  std::vector<std::pair<int, std::string>> all_;
};

struct TomlText {
  std::string text;
  int line = 0;
};

class TomlTable {
 public:
  // `where` names the table in messages: "[endpoint]". `faults` and `table` outlive this.
  TomlTable(const toml::table& table, std::string where, Faults& faults);

  // Each remembers that `key` is known. Nothing if the key is missing, or its value is a fault.
  std::optional<TomlText> text(std::string_view key);
  std::optional<bool> boolean(std::string_view key);
  std::optional<int> integer(std::string_view key, int low, int high);
  std::optional<std::chrono::milliseconds> duration(std::string_view key);
  std::optional<std::vector<TomlText>> texts(std::string_view key);
  std::optional<TomlTable> table(std::string_view key);
  std::vector<TomlTable> tables(std::string_view key);

  // As text(), but a missing or empty one is a fault.
  std::optional<TomlText> required_text(std::string_view key);
  // One of `words`, as its place among them.
  std::optional<std::size_t> word(std::string_view key, const std::vector<std::string_view>& words);

  // All keys of a table that names things, in the order of the file.
  std::vector<std::string> keys() const;

  bool has(std::string_view key) const { return table_.contains(key); }
  bool is_table(std::string_view key) const { return has(key) && table_.get(key)->is_table(); }
  // Of the key's value; of the table itself if there is no such key.
  int line(std::string_view key) const;
  int line() const { return line_; }
  void fault(std::string_view key, std::string reason);

  // Refuses every key that nobody asked for.
  void finish();

 private:
  const toml::node* find(std::string_view key);

  const toml::table& table_;
  std::string where_;
  int line_;
  Faults& faults_;
  std::set<std::string, std::less<>> known_;
};

// Reads a whole file. Nothing if it is no TOML, which is a fault.
std::optional<toml::table> parse_toml(std::string_view text, std::string_view file, Faults& faults);

}  // namespace waybill::dialect
