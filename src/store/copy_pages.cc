#include "store/copy_pages.h"

#include <utility>

#include <fmt/format.h>

namespace waybill::store {
namespace {

enum class Tag : std::uint8_t { kNull, kInteger, kText, kBytes };

void encode_number(std::uint64_t number, std::string& out) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 0xFF);
}

// What encode() wrote.
class Decoder {
 public:
  explicit Decoder(std::string_view text) : text_(text) {}

  // Nothing: it is damaged.
  std::optional<CopiedValues> all() {
    CopiedValues values;
    while (!text_.empty()) {
      auto value = next();
      if (!value) return std::nullopt;
      values.push_back(std::move(*value));
    }
    return values;
  }

 private:
  std::optional<std::string_view> take(std::size_t size) {
    if (text_.size() < size) return std::nullopt;
    const std::string_view taken = text_.substr(0, size);
    text_.remove_prefix(size);
    return taken;
  }
  std::optional<std::uint64_t> number() {
    const auto bytes = take(8);
    if (!bytes) return std::nullopt;
    std::uint64_t number = 0;
    for (const char c : *bytes) number = number << 8 | static_cast<std::uint8_t>(c);
    return number;
  }
  std::optional<CopiedValue> next() {
    const auto tag = static_cast<Tag>(take(1)->front());
    if (tag == Tag::kNull) return CopiedValue();
    const auto number_or_size = number();
    if (!number_or_size) return std::nullopt;
    if (tag == Tag::kInteger) return CopiedValue(static_cast<std::int64_t>(*number_or_size));
    const auto content = take(*number_or_size);
    if (!content) return std::nullopt;
    if (tag == Tag::kText) return CopiedValue(std::string(*content));
    if (tag == Tag::kBytes) return CopiedValue(Bytes(content->begin(), content->end()));
    return std::nullopt;
  }

  std::string_view text_;
};

CopiedValue value_of(const Row& row, int at, ColumnType type) {
  if (row.is_null(at)) return {};
  switch (type) {
    case ColumnType::kInteger: return row.integer(at);
    case ColumnType::kText: return row.string(at);
    case ColumnType::kBytes: return row.byte_string(at);
  }
  return {};
}

std::size_t size_of(const CopiedValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return text->size();
  if (const auto* bytes = std::get_if<Bytes>(&value)) return bytes->size();
  return sizeof(std::int64_t);
}

std::string joined(const std::vector<std::string_view>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string key_names(const CopiedTable& table) {
  std::vector<std::string_view> names;
  names.reserve(table.key.size());
  for (const std::size_t place : table.key) names.push_back(table.columns[place].name);
  return joined(names);
}

// Appends the row, and returns how many bytes there are by then. What has no room is read again
// with the next page.
std::size_t add(const Row& row, const CopiedTable& table, CopiedPage& page, std::size_t bytes) {
  if (bytes > kCopyBytesMax) return bytes;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    page.values.push_back(value_of(row, static_cast<int>(i), table.columns[i].type));
    bytes += size_of(page.values.back());
  }
  ++page.rows;
  return bytes;
}

}  // namespace

Param param_of(const CopiedValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* bytes = std::get_if<Bytes>(&value)) return *bytes;
  return std::nullopt;
}

void encode(const CopiedValue& value, std::string& out) {
  const auto tag = [&](Tag tag) { out += static_cast<char>(tag); };
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    tag(Tag::kInteger);
    encode_number(static_cast<std::uint64_t>(*number), out);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    tag(Tag::kText);
    encode_number(text->size(), out);
    out += *text;
  } else if (const auto* bytes = std::get_if<Bytes>(&value)) {
    tag(Tag::kBytes);
    encode_number(bytes->size(), out);
    out += as_text(*bytes);
  } else {
    tag(Tag::kNull);
  }
}

std::optional<CopiedValues> decode(std::string_view text) { return Decoder(text).all(); }

std::string column_names(const CopiedTable& table) {
  std::vector<std::string_view> names;
  names.reserve(table.columns.size());
  for (const CopiedTable::Column& column : table.columns) names.push_back(column.name);
  return joined(names);
}

std::string parameters_from(std::size_t first, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += fmt::format("{}${}", i ? ", " : "", first + i);
  return text;
}

CopiedValues key_of(const CopiedTable& table, const CopiedPage& page, std::size_t begin) {
  CopiedValues key;
  key.reserve(table.key.size());
  for (const std::size_t place : table.key) key.push_back(page.values[begin + place]);
  return key;
}

CopyReader::CopyReader(Connection& connection, const CopiedTable& table, CopiedValues after)
    : connection_(connection), table_(table), after_(std::move(after)) {
  const std::string key = key_names(table);
  const std::string tail = fmt::format(" ORDER BY {} LIMIT $1", key);
  first_ = fmt::format("SELECT {} FROM {}{}", column_names(table), table.name, tail);
  next_ = fmt::format("SELECT {} FROM {} WHERE ({}) > ({}){}", column_names(table), table.name, key,
                      parameters_from(2, table.key.size()), tail);
}

Result<CopiedPage> CopyReader::read(std::int64_t rows_max) {
  std::vector<Param> params = {Param(rows_max)};
  for (const CopiedValue& value : after_) params.push_back(param_of(value));
  CopiedPage page;
  std::size_t bytes = 0;
  const auto done = connection_.query(after_.empty() ? first_ : next_, params, [&](const Row& row) {
    bytes = add(row, table_, page, bytes);
  });
  if (!done) return fail(done.error());
  if (page.rows > 0) {
    after_ = key_of(table_, page, page.values.size() - table_.columns.size());
  }
  return page;
}

}  // namespace waybill::store
