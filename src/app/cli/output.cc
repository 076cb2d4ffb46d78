#include "app/cli/output.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace waybill::app::cli {
namespace {

constexpr std::size_t kShortArray = 8;

// How many columns it takes: characters, not bytes.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string cell(const json::value& value) {
  if (value.is_null()) return "-";
  if (const json::string* text = value.if_string()) {
    return text->empty() ? "-" : printable(std::string_view(text->data(), text->size()));
  }
  if (const bool* truth = value.if_bool()) return *truth ? "yes" : "no";
  if (const json::array* items = value.if_array()) {
    const bool plain = std::none_of(items->begin(), items->end(), [](const json::value& item) {
      return item.is_array() || item.is_object();
    });
    if (plain) {
      std::string out;
      for (const json::value& item : *items) out += (out.empty() ? "" : ", ") + cell(item);
      return out.empty() ? "-" : out;
    }
  }
  return printable(write_json(value));
}

const json::value* find_member(const json::object& object, std::string_view path) {
  const std::size_t dot = path.find('.');
  const json::value* value = object.if_contains(path.substr(0, dot));
  if (value == nullptr || dot == std::string_view::npos) return value;
  const json::object* inner = value->if_object();
  return inner == nullptr ? nullptr : find_member(*inner, path.substr(dot + 1));
}

// Lines of cells, each column as wide as its widest cell; numbers to the right.
std::string aligned(const std::vector<std::vector<std::string>>& lines,
                    const std::vector<bool>& to_the_right) {
  std::vector<std::size_t> widths(to_the_right.size());
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], width_of(line[i]));
  }
  std::string out;
  for (const auto& line : lines) {
    std::string row;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string padding(widths[i] - width_of(line[i]), ' ');
      if (i > 0) row += "  ";
      row += to_the_right[i] ? padding + line[i] : line[i] + padding;
    }
    row.erase(row.find_last_not_of(' ') + 1);
    out += row + '\n';
  }
  return out;
}

bool is_table(const json::value& value) {
  const json::array* items = value.if_array();
  return items != nullptr && !items->empty() &&
         std::all_of(items->begin(), items->end(),
                     [](const json::value& item) { return item.is_object(); });
}

// A table of all members that any of the rows has.
std::string render_any_table(const json::array& rows) {
  std::vector<Column> columns;
  for (const json::value& row : rows) {
    for (const auto& member : row.get_object()) {
      const std::string_view name = member.key();
      const bool known = std::any_of(columns.begin(), columns.end(),
                                     [&](const Column& column) { return column.member == name; });
      if (!known) columns.push_back({name, name});
    }
  }
  return render_table(columns, rows);
}

std::string indented(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    out += "  " + std::string(text.substr(0, end)) + '\n';
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return out;
}

struct Description {
  std::vector<std::vector<std::string>> lines;
  std::string below;

  void add(const std::string& name, const json::value& value) {
    if (is_table(value)) {
      below += fmt::format("\n{}:\n{}", name, indented(render_any_table(value.get_array())));
      return;
    }
    const json::object* object = value.if_object();
    if (object == nullptr) {
      lines.push_back({name, cell(value)});
    } else if (name == "data" || object->size() > kShortArray) {
      below += fmt::format("\n{}:\n{}", name,
                           indented(printable(write_json_pretty(value), /*keep_lines=*/true)));
    } else {
      for (const auto& member : *object) {
        add(fmt::format("{}.{}", name, std::string_view(member.key())), member.value());
      }
    }
  }
};

}  // namespace

std::string printable(std::string_view text, bool keep_lines) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F, which terminals obey as they do ESC.
    const bool is_c1 =
        byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (is_c1) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[++i]));
    } else if (byte == '\n' && keep_lines) {
      out += '\n';
    } else if (byte == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string render_table(const std::vector<Column>& columns, const json::array& rows) {
  std::vector<std::vector<std::string>> lines(1);
  // Columns of numbers: at least one, and besides only blanks.
  std::vector<bool> to_the_right(columns.size(), false);
  std::vector<bool> has_text(columns.size(), false);
  for (const Column& column : columns) lines[0].push_back(printable(column.title));
  for (const json::value& row : rows) {
    auto& line = lines.emplace_back();
    const json::object* object = row.if_object();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const json::value* value = object ? find_member(*object, columns[i].member) : nullptr;
      line.push_back(value ? cell(*value) : "-");
      if (value && value->is_number() && !has_text[i]) to_the_right[i] = true;
      if (value && !value->is_number() && !value->is_null()) {
        has_text[i] = true;
        to_the_right[i] = false;
      }
    }
  }
  return aligned(lines, to_the_right);
}

std::string describe(const json::object& object) {
  Description description;
  for (const auto& member : object) description.add(printable(member.key()), member.value());
  return aligned(description.lines, {false, false}) + description.below;
}

}  // namespace waybill::app::cli
