#include "app/cli/handler_spec.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/cli/command.h"
#include "base/bytes.h"

namespace waybill::app::cli {
namespace {

constexpr std::string_view kWhitespace = " \t\n";

json::object handler(std::string_view channel, json::object settings) {
  return {{"channel", std::string(channel)}, {"settings", std::move(settings)}};
}

// All settings are texts, also a token of digits, but for the one that is a number.
void set(json::object& settings, const std::string& name, const std::string& text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, number);
  if (name == "maxlen" && error == std::errc() && read == end) {
    settings[name] = number;
  } else {
    settings[name] = text;
  }
}

// The words of a command, as a shell parts them.
Result<json::array> words_of(std::string_view text) {
  json::array words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && quote != '\'') {
      if (++i == text.size()) return usage_error("The command ends with a backslash.");
      word += text[i];
      in_word = true;
    } else if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (kWhitespace.contains(c)) {
      if (in_word) words.emplace_back(std::exchange(word, {}));
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) return usage_error("A quote of the command is not closed.");
  if (in_word) words.emplace_back(std::move(word));
  return words;
}

Result<json::object> parse_command(std::string_view rest) {
  auto words = words_of(rest);
  if (!words) return fail(words.error());
  if (words->empty() || !words->front().as_string().starts_with("/")) {
    return usage_error("command: is followed by the whole path of a program: command:/usr/bin/…");
  }
  return handler("command", {{"command", std::move(*words)}});
}

// A URL in its parts: what stands before the ?, and what behind it.
struct Parts {
  std::string_view url;
  std::vector<std::pair<std::string, std::string>> query;
};

Result<Parts> part(std::string_view spec, std::string_view kind) {
  const std::size_t question = spec.find('?');
  Parts parts{spec.substr(0, question), {}};
  const auto bare = parts.url.substr(parts.url.find("://") + 3);
  // What stands before an @ is a user with a password.
  const auto host =
      bare.substr(bare.rfind('@') == std::string_view::npos ? 0 : bare.rfind('@') + 1);
  if (host.empty() || host.starts_with('/') || host.starts_with(':')) {
    return usage_error(fmt::format("The {} handler names no host.", kind));
  }
  if (host.starts_with('[') && !host.contains(']')) {
    return usage_error(
        fmt::format("The host of the {} handler begins with [, but has no ].", kind));
  }
  if (question == std::string_view::npos) return parts;
  for (std::string_view rest = spec.substr(question + 1); !rest.empty();) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    const auto name = percent_decode(pair.substr(0, equals));
    const auto value =
        equals == std::string_view::npos ? std::nullopt : percent_decode(pair.substr(equals + 1));
    if (!name || !value) {
      return usage_error(
          fmt::format("What follows the ? of the {} handler is name=value, with %XX "
                      "where a character is special.",
                      kind));
    }
    parts.query.emplace_back(*name, *value);
  }
  return parts;
}

// Puts what follows the ? into `settings`. `needed`: of these, which must be there.
Result<void> add_query(json::object& settings, const Parts& parts, std::string_view kind,
                       std::initializer_list<std::string_view> known,
                       std::string_view needed = {}) {
  for (const auto& [name, value] : parts.query) {
    if (std::ranges::find(known, name) == known.end()) {
      return usage_error(fmt::format("A {} handler has no \"{}\". It has: {}.", kind, name,
                                     fmt::join(known, ", ")));
    }
    if (settings.contains(name)) {
      return usage_error(fmt::format("\"{}\" of the {} handler is there twice.", name, kind));
    }
    set(settings, name, value);
  }
  if (needed.empty() || settings.contains(needed)) return {};
  return usage_error(fmt::format("The {} handler needs \"{}\": …?{}=NAME", kind, needed, needed));
}

// Of one whose URL is a setting.
Result<json::object> parse_server(std::string_view spec, std::string_view kind,
                                  std::initializer_list<std::string_view> known,
                                  std::string_view needed) {
  const auto parts = part(spec, kind);
  if (!parts) return fail(parts.error());
  json::object settings{{"url", std::string(parts->url)}};
  WAYBILL_TRY(add_query(settings, *parts, kind, known, needed));
  return handler(kind, std::move(settings));
}

Result<json::object> parse_kafka(std::string_view spec) {
  const auto parts = part(spec, "kafka");
  if (!parts) return fail(parts.error());
  const std::string_view rest = parts->url.substr(std::string_view("kafka://").size());
  const std::size_t slash = rest.find('/');
  const auto topic =
      slash == std::string_view::npos ? std::nullopt : percent_decode(rest.substr(slash + 1));
  if (!topic || topic->empty()) {
    return usage_error("The kafka handler names no topic: kafka://HOST:PORT/TOPIC");
  }
  json::object settings{{"brokers", std::string(rest.substr(0, slash))}, {"topic", *topic}};
  WAYBILL_TRY(add_query(settings, *parts, "kafka", {"key"}));
  return handler("kafka", std::move(settings));
}

}  // namespace

Result<json::object> parse_handler_spec(std::string_view spec) {
  const auto begins = [&](std::string_view prefix) { return spec.starts_with(prefix); };
  if (begins("https://") || begins("http://")) {
    json::object made = handler("http", {});
    made["url"] = std::string(spec);
    return made;
  }
  if (begins("command:")) return parse_command(spec.substr(8));
  if (begins("file:")) {
    const std::string_view name = spec.substr(5);
    if (name.empty()) return usage_error("file: is followed by the name of a file.");
    return handler("file", {{"name", std::string(name)}});
  }
  if (begins("redis://") || begins("rediss://")) {
    return parse_server(spec, "redis", {"stream", "maxlen"}, "stream");
  }
  if (begins("amqp://") || begins("amqps://")) {
    return parse_server(spec, "amqp", {"exchange", "routing_key"}, {});
  }
  if (begins("kafka://")) return parse_kafka(spec);
  if (begins("postgresql://") || begins("postgres://")) {
    auto parts = part(spec, "sql");
    if (!parts) return fail(parts.error());
    // The server's own, as sslmode, stay with its URL.
    json::object settings;
    std::string url(parts->url);
    for (const auto& [name, value] : parts->query) {
      if (name == "table") {
        settings["table"] = value;
        continue;
      }
      url += fmt::format("{}{}={}", url.contains('?') ? '&' : '?', percent_encode(name),
                         percent_encode(value));
    }
    if (!settings.contains("table")) {
      return usage_error("The sql handler needs \"table\": …?table=NAME");
    }
    settings["url"] = url;
    return handler("sql", std::move(settings));
  }
  if (spec == "publish" || spec == "fetch") return handler(spec, {});
  return usage_error(
      fmt::format("A handler is https://…, command:…, file:…, redis://…, amqp://…, kafka://…, "
                  "postgresql://…, publish or fetch, but not one that begins with '{}'.",
                  spec.substr(0, spec.find(':'))));
}

Result<void> add_settings(json::object& handler, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return usage_error("--set is written name=value.");
    }
    json::value& settings = handler["settings"];
    if (!settings.is_object()) settings.emplace_object();
    set(settings.get_object(), text.substr(0, equals), text.substr(equals + 1));
  }
  return {};
}

}  // namespace waybill::app::cli
