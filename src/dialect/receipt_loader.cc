// Reads [receipt], and refuses one that would take every message for a ping, or name a header that
// no request can have.

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <re2/re2.h>

#include "dialect/loader_parts.h"
#include "dialect/vocabulary.h"

namespace waybill::dialect {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWindowMax = std::chrono::days(365);
constexpr milliseconds kSameAfterMax = std::chrono::hours(1);
constexpr int kPerSecondMax = 1000;
constexpr int kPerDayMax = 100'000'000;

// "header.x-shop-topic?|string" is "header.x-shop-topic".
std::string_view path_of(std::string_view placeholder) {
  placeholder = placeholder.substr(0, placeholder.find('|'));
  if (placeholder.ends_with('?')) placeholder.remove_suffix(1);
  return placeholder;
}

// What follows "header" or "settings" in a placeholder's path, if it names that variable.
std::optional<std::string_view> name_in(std::string_view variable, std::string_view placeholder) {
  std::string_view path = path_of(placeholder);
  if (!path.starts_with(variable)) return std::nullopt;
  path.remove_prefix(variable.size());
  if (!path.empty() && path.front() != '.') return std::nullopt;
  return path.substr(path.empty() ? 0 : 1);
}

bool is_lower_header_name(std::string_view name) {
  return is_header_name(name) &&
         std::ranges::none_of(name, [](char c) { return (c >= 'A' && c <= 'Z') || c == '.'; });
}

class ReceiptLoader {
 public:
  ReceiptLoader(TomlTable& table, const Dialect& dialect) : table_(table), dialect_(dialect) {}

  ReceiptRules load() {
    rules_.id = optional_template(table_, "id", request_stretch(kReceived));
    rules_.type = optional_template(table_, "type", request_stretch(kReceived));
    rules_.key = optional_template(table_, "key", message_stretch(kReceived));
    rules_.environment = optional_template(table_, "environment", message_stretch(kReceived));
    rules_.window = table_.duration("window");
    check_range(table_, "window", rules_.window, kWindowMax);
    read_types();
    read_environments();
    rules_.answer = read_answer(table_);
    for (TomlTable& ping : table_.tables("pings")) rules_.pings.push_back(read_ping(ping));
    rules_.fetch = read_fetch();
    table_.finish();
    return std::move(rules_);
  }

 private:
  static void check_range(TomlTable& table, std::string_view key,
                          const std::optional<milliseconds>& value, milliseconds max) {
    if (value && (*value <= milliseconds(0) || *value > max)) {
      table.fault(key, fmt::format("must be above 0 and at most {}", format_duration(max)));
    }
  }

  static Template parsed(TomlTable& table, std::string_view key, std::string_view source,
                         Vocabulary vocabulary, TemplateForm form = TemplateForm::kText) {
    Result<Template> made = parse_received(source, vocabulary, form);
    if (made) return *std::move(made);
    table.fault(key, made.error().message);
    return {};
  }

  static Template optional_template(TomlTable& table, std::string_view key, Vocabulary vocabulary) {
    if (!table.has(key)) return {};
    const std::optional<TomlText> source = table.required_text(key);
    return source ? parsed(table, key, source->text, vocabulary) : Template();
  }

  void read_types() {
    std::optional<TomlTable> table = table_.table("types");
    if (!table) return;
    if (rules_.type.empty()) table_.fault("types", "needs type");
    for (const std::string& told : table->keys()) {
      const std::optional<TomlText> name = table->required_text(told);
      if (!name) continue;
      if (!is_word(name->text) || name->text.size() > ReceivedMessage::kTypeBytesMax) {
        table->fault(told, fmt::format("\"{}\" is no name of an event", name->text));
      }
      rules_.types[told] = name->text;
    }
  }

  void read_environments() {
    std::optional<TomlTable> table = table_.table("environments");
    if (!rules_.environment.empty() && !table) {
      table_.fault("environment", "needs [receipt.environments]: what it may say");
    }
    if (!table) return;
    if (!table_.has("environment")) table_.fault("environments", "needs environment");
    std::set<std::string> seen;
    for (const auto& [key, names] :
         {std::pair("production", &rules_.production), std::pair("sandbox", &rules_.sandbox)}) {
      for (const TomlText& name : table->texts(key).value_or(std::vector<TomlText>())) {
        if (!seen.insert(name.text).second) {
          table->fault(key, fmt::format("\"{}\" is there twice", name.text));
        }
        names->push_back(name.text);
      }
    }
    if (seen.empty()) table_.fault("environments", "names no environment");
    table->finish();
  }

  static ReceiptAnswer read_answer(TomlTable& parent) {
    ReceiptAnswer answer;
    std::optional<TomlTable> table = parent.table("answer");
    if (!table) return answer;
    answer.status = table->integer("status", 200, 299).value_or(answer.status);
    if (const auto type = table->text("content_type")) {
      answer.content_type = type->text;
      if (!is_media_type(type->text)) {
        table->fault("content_type", fmt::format("\"{}\" is no media type", type->text));
      }
    }
    const std::optional<TomlText> body = table->text("body");
    if (body && !body->text.empty()) {
      // What a request says is escaped where it would be read as JSON.
      const bool is_json = answer.content_type.starts_with("application/json");
      answer.body = parsed(*table, "body", body->text, request_stretch(kReceived),
                           is_json ? TemplateForm::kJson : TemplateForm::kText);
      if (answer.status == 204) table->fault("body", "an answer of 204 has none");
    }
    table->finish();
    return answer;
  }

  PingRule read_ping(TomlTable& table) const {
    PingRule rule;
    const bool signs = dialect_.signature.has_value();
    rule.is_signed = table.boolean("signed").value_or(signs);
    if (rule.is_signed && !signs) table.fault("signed", "the dialect does not sign");
    if (!rule.is_signed && signs) rule.without_header = dialect_.signature->header;
    if (const auto type = table.text("content_type")) {
      rule.content_type = type->text;
      const bool is_plain =
          is_media_type(type->text) &&
          type->text.find_first_of("; ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos;
      if (!is_plain) {
        table.fault("content_type", fmt::format("\"{}\" is no media type in lower case, without "
                                                "parameters",
                                                type->text));
      }
    }
    if (const auto pattern = table.has("pattern") ? table.required_text("pattern") : std::nullopt) {
      re2::RE2::Options options;
      options.set_log_errors(false);
      auto compiled = std::make_shared<const re2::RE2>(pattern->text, options);
      if (!compiled->ok()) table.fault("pattern", compiled->error());
      rule.pattern = std::move(compiled);
    }
    rule.when = optional_template(table, "when", request_stretch(kReceived));
    if (const auto equals = table.text("equals")) rule.equals = equals->text;
    if (table.has("when") != table.has("equals")) {
      table.fault("when", "when and equals go together");
    }
    if (!table.has("when") && !rule.pattern && rule.content_type.empty()) {
      table.fault("when",
                  "every message would be this ping: it needs when, pattern or "
                  "content_type");
    }
    rule.answer = read_answer(table);
    table.finish();
    return rule;
  }

  std::optional<FetchRules> read_fetch() {
    std::optional<TomlTable> table = table_.table("fetch");
    if (!table) return std::nullopt;
    FetchRules rules;
    rules.per_second = table->integer("per_second", 1, kPerSecondMax).value_or(rules.per_second);
    rules.per_hour = table->integer("per_hour", 0, kPerDayMax).value_or(0);
    rules.per_day = table->integer("per_day", 0, kPerDayMax).value_or(0);
    rules.same_after = table->duration("same_after").value_or(rules.same_after);
    if (rules.same_after < milliseconds(0) || rules.same_after > kSameAfterMax) {
      table->fault("same_after", fmt::format("must be at most {}", format_duration(kSameAfterMax)));
    }
    read_paths(*table, rules);
    read_fetch_headers(*table, rules);
    table->finish();
    return rules;
  }

  static void read_paths(TomlTable& fetch, FetchRules& rules) {
    std::optional<TomlTable> table = fetch.table("paths");
    if (!table || table->keys().empty()) return fetch.fault("paths", "there is no path");
    for (const std::string& type : table->keys()) {
      const std::optional<TomlText> path = table->required_text(type);
      if (!path) continue;
      if (!path->text.starts_with('/')) table->fault(type, "a path begins with /");
      rules.paths[type] = parsed(*table, type, path->text, fetch_stretch(kReceived));
      note_settings(rules, rules.paths[type]);
    }
  }

  static void read_fetch_headers(TomlTable& fetch, FetchRules& rules) {
    std::optional<TomlTable> table = fetch.table("headers");
    if (!table) return;
    for (const std::string& name : table->keys()) {
      const std::optional<TomlText> value = table->required_text(name);
      if (!value) continue;
      if (!is_header_name(name)) table->fault(name, "is no header name");
      if (is_of_connection(name)) table->fault(name, "belongs to the connection");
      rules.headers.emplace_back(name, parsed(*table, name, value->text, fetch_stretch(kReceived)));
      note_settings(rules, rules.headers.back().second);
    }
  }

  static void note_settings(FetchRules& rules, const Template& of) {
    for (const std::string_view placeholder : of.placeholders()) {
      const auto name = name_in(kReceived[kReceivedSettings].name, placeholder);
      if (name && std::ranges::count(rules.settings, *name) == 0) {
        rules.settings.emplace_back(*name);
      }
    }
  }

  TomlTable& table_;
  const Dialect& dialect_;
  ReceiptRules rules_;
};

}  // namespace

Result<Template> parse_received(std::string_view source, Vocabulary vocabulary, TemplateForm form) {
  Result<Template> made = form == TemplateForm::kJson ? Template::parse_json(source, vocabulary)
                                                      : Template::parse_text(source, vocabulary);
  if (!made) return made;
  for (const std::string_view placeholder : made->placeholders()) {
    const auto header = name_in(kReceived[kReceivedHeader].name, placeholder);
    if (header && !is_lower_header_name(*header)) {
      return fail(Code::kInvalid, "template_invalid",
                  fmt::format("{{{}}} names no header, as {{header.x-shop-topic}} does: in lower "
                              "case, without dots",
                              placeholder));
    }
    const auto setting = name_in(kReceived[kReceivedSettings].name, placeholder);
    if (setting && (setting->empty() || setting->find('.') != std::string_view::npos)) {
      return fail(Code::kInvalid, "template_invalid",
                  fmt::format("{{{}}} names no setting, as {{settings.token}} does", placeholder));
    }
  }
  return made;
}

Result<Template> parse_message_template(std::string_view source) {
  return parse_received(source, request_stretch(kReceived), TemplateForm::kText);
}

std::optional<ReceiptRules> read_receipt(TomlTable& top, const Dialect& dialect) {
  std::optional<TomlTable> table = top.table("receipt");
  if (!table) return std::nullopt;
  return ReceiptLoader(*table, dialect).load();
}

}  // namespace waybill::dialect
