#include "dialect/loader.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/embedded.h"
#include "dialect/catalogue.h"
#include "dialect/loader_parts.h"
#include "dialect/toml_table.h"
#include "dialect/vocabulary.h"
#include "model/event.h"

namespace waybill::dialect {

// Made by waybill_embed() from dialects/*.toml.
std::span<const EmbeddedFile> builtin_dialects();

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTimeoutMax = std::chrono::minutes(10);
constexpr milliseconds kCoalescingMax = std::chrono::hours(1);
constexpr std::uintmax_t kFileBytesMax = 1 << 20;
constexpr int kEndpointsMax = 1'000'000;

// Content-Type has a key of its own.
constexpr std::array<std::string_view, 8> kTakenHeaders = {
    "Connection", "Content-Length",    "Content-Type", "Expect", "Host",
    "TE",         "Transfer-Encoding", "Upgrade"};

// A TOML file on its way to a Dialect. Each method reads one part, and notes what is wrong with it.
class Loader {
 public:
  explicit Loader(std::string_view file) : faults_(file), file_(file) {}

  Result<Dialect> load(std::string_view text);

 private:
  void read_top(TomlTable& top);
  void read_sending(TomlTable& top);
  void read_endpoint(TomlTable& top);
  void read_delivery(TomlTable& top);
  void read_coalescing(TomlTable& top);
  void read_headers(TomlTable& top);
  void add_header(TomlTable& table, const std::string& name, const TomlText& value,
                  bool retries_only);
  void read_events(TomlTable& top);
  void read_event(TomlTable& table, std::string name);
  void read_event_headers(TomlTable& event_table, EventType& event);
  void check_catalogue(TomlTable& top);
  void render_examples();

  json::value read_object(TomlTable& table, std::string_view key);

  Faults faults_;
  std::string file_;
  Dialect dialect_;
  std::vector<int> example_lines_;  // One for each of dialect_.events.
};

Result<Dialect> Loader::load(std::string_view text) {
  dialect_.name = std::filesystem::path(file_).stem().string();
  const bool good_name = std::ranges::all_of(dialect_.name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (!good_name || dialect_.name.empty() || dialect_.name.size() > 64) {
    faults_.add(1, "a dialect's file is named after it, NAME.toml, of a-z, 0-9 and \"-\"");
  }
  const std::optional<toml::table> parsed = parse_toml(text, file_, faults_);
  if (!parsed) return fail(faults_.error());

  TomlTable top(*parsed, "", faults_);
  dialect_.receives_only = top.has("receipt") && !top.has("envelope") && !top.has("delivery") &&
                           !top.has("events") && !top.has("open_catalogue");
  read_top(top);
  if (!dialect_.receives_only) read_sending(top);
  dialect_.signature = read_signature(top, dialect_);
  if (dialect_.receives_only && !dialect_.signature) {
    dialect_.endpoint.secret = EndpointRules::SecretRule::kNone;
  }
  dialect_.receipt = read_receipt(top, dialect_);
  if (!dialect_.receives_only) {
    read_events(top);
    check_catalogue(top);
  }
  top.finish();
  if (faults_.none()) render_examples();
  if (!faults_.none()) return fail(faults_.error());
  return std::move(dialect_);
}

json::value Loader::read_object(TomlTable& table, std::string_view key) {
  const std::optional<TomlText> source = table.required_text(key);
  if (!source) return {};
  Result<json::value> value = parse_json(source->text);
  if (!value) {
    table.fault(key, fmt::format("{} {}", value.error().message, value.error().path));
    return {};
  }
  if (!value->is_object()) table.fault(key, "must be a JSON object");
  return *std::move(value);
}

void Loader::read_top(TomlTable& top) {
  if (auto title = top.required_text("title")) dialect_.title = title->text;
  if (auto description = top.required_text("description")) dialect_.description = description->text;
  if (auto documentation = top.text("documentation")) dialect_.documentation = documentation->text;
}

// What only a dialect that sends has.
void Loader::read_sending(TomlTable& top) {
  if (auto type = top.text("content_type")) {
    dialect_.content_type = type->text;
    if (!is_media_type(type->text)) {
      top.fault("content_type", fmt::format("\"{}\" is no media type", type->text));
    }
  }
  dialect_.open_catalogue = top.boolean("open_catalogue").value_or(false);
  dialect_.envelope =
      read_template(top, "envelope", envelope_stretch(kVariables), TemplateForm::kJson);
  read_endpoint(top);
  read_delivery(top);
  read_coalescing(top);
  read_headers(top);
}

void Loader::read_endpoint(TomlTable& top) {
  using Rule = EndpointRules::SecretRule;
  const bool signs = top.has("signature");
  EndpointRules& rules = dialect_.endpoint;
  rules.secret = signs ? Rule::kGenerated : Rule::kNone;
  std::optional<TomlTable> table = top.table("endpoint");
  if (!table) return;

  if (const auto rule = table->word("secret", {"none", "optional", "generated"})) {
    rules.secret = std::array{Rule::kNone, Rule::kOptional, Rule::kGenerated}[*rule];
    if (signs != (rules.secret != Rule::kNone)) {
      table->fault("secret", signs ? "a dialect with a [signature] has secrets"
                                   : "a dialect without a [signature] has no secrets");
    }
  }
  rules.https_required = table->boolean("https_required").value_or(rules.https_required);
  rules.editable = table->boolean("editable").value_or(rules.editable);
  rules.deactivate_after = table->integer("deactivate_after", 0, 1000).value_or(0);
  rules.endpoints_max = table->integer("endpoints_max", 0, kEndpointsMax).value_or(0);
  if (const auto counts = table->word("endpoints_max_counts", {"all", "active"})) {
    rules.endpoints_max_of_active = *counts == 1;
    if (rules.endpoints_max == 0) table->fault("endpoints_max_counts", "needs endpoints_max");
  }
  rules.url_unique = table->boolean("url_unique").value_or(rules.url_unique);
  table->finish();
}

// "2xx", "200", "200-302"
std::optional<DeliveryRules::StatusRange> parse_status_range(std::string_view text) {
  const auto status = [](std::string_view digits) -> int {
    if (digits.size() != 3) return 0;
    int number = 0;
    for (const char c : digits) {
      if (c < '0' || c > '9') return 0;
      number = number * 10 + (c - '0');
    }
    return number >= 100 && number <= 599 ? number : 0;
  };
  DeliveryRules::StatusRange range;
  if (text.size() == 3 && text.ends_with("xx")) {
    range.first = status(std::string(text.substr(0, 1)) + "00");
    range.last = range.first + 99;
  } else if (text.size() == 7 && text[3] == '-') {
    range.first = status(text.substr(0, 3));
    range.last = status(text.substr(4));
  } else {
    range.first = range.last = status(text);
  }
  if (range.first == 0 || range.last < range.first) return std::nullopt;
  return range;
}

void Loader::read_delivery(TomlTable& top) {
  DeliveryRules& rules = dialect_.delivery;
  std::optional<TomlTable> table = top.table("delivery");
  if (!table) {
    if (!top.has("delivery")) top.fault("delivery", "the table [delivery] is missing");
    return;
  }
  const auto success = table->texts("success").value_or(std::vector{TomlText{"2xx", 0}});
  if (success.empty()) table->fault("success", "no answer would be a success");
  for (const TomlText& text : success) {
    const auto range = parse_status_range(text.text);
    if (range) {
      rules.success.push_back(*range);
    } else {
      table->fault("success",
                   fmt::format("\"{}\" is no status, as 2xx, 201 or 200-302 are", text.text));
    }
  }
  rules.timeout = table->duration("timeout").value_or(rules.timeout);
  if (rules.timeout <= milliseconds(0) || rules.timeout > kTimeoutMax) {
    table->fault("timeout",
                 fmt::format("must be above 0 and at most {}", format_duration(kTimeoutMax)));
  }

  std::vector<milliseconds> delays;
  if (!table->has("retry")) table->fault("retry", "is missing; [] is a dialect that never retries");
  for (const TomlText& text : table->texts("retry").value_or(std::vector<TomlText>())) {
    const auto delay = parse_duration(text.text);
    if (delay) {
      delays.push_back(*delay);
    } else {
      table->fault("retry",
                   fmt::format("\"{}\" is no duration, as 30s, 5m, 2h or 1d are", text.text));
    }
  }
  const int jitter = table->integer("jitter_percent", 0, 50).value_or(0);
  Result<model::RetrySchedule> retry = model::RetrySchedule::create(std::move(delays), jitter);
  if (retry) {
    rules.retry = *std::move(retry);
  } else {
    table->fault("retry", retry.error().message);
  }
  const int attempts = rules.retry.attempts_max();
  rules.attempts_max = table->integer("attempts_max", 1, attempts).value_or(attempts);
  if (const auto exhausted = table->word("exhausted", {"dropped", "deactivated"})) {
    rules.exhausted_deactivates = *exhausted == 1;
  }
  table->finish();
}

void Loader::read_coalescing(TomlTable& top) {
  std::optional<TomlTable> table = top.table("coalescing");
  if (!table) return;
  CoalescingRules rules;
  if (!table->has("window")) table->fault("window", "is missing");
  rules.window = table->duration("window").value_or(milliseconds(1));
  if (rules.window <= milliseconds(0) || rules.window > kCoalescingMax) {
    table->fault("window",
                 fmt::format("must be above 0 and at most {}", format_duration(kCoalescingMax)));
  }
  if (const auto edge = table->word("edge", {"leading", "trailing"})) {
    using Edge = CoalescingRules::Edge;
    rules.edge = *edge == 0 ? Edge::kLeading : Edge::kTrailing;
  }
  rules.key = read_template(*table, "key", data_stretch(kVariables), TemplateForm::kText);
  dialect_.coalescing = std::move(rules);
  table->finish();
}

void Loader::add_header(TomlTable& table, const std::string& name, const TomlText& value,
                        bool retries_only) {
  const auto same = [&](std::string_view other) { return net::same_header_name(name, other); };
  if (!is_header_name(name)) return table.fault(name, "is no header name");
  if (is_of_connection(name)) {
    return table.fault(name, same("Content-Type") ? "is set by the key content_type"
                                                  : "belongs to the connection");
  }
  if (std::ranges::any_of(dialect_.headers, [&](const auto& rule) { return same(rule.name); })) {
    return table.fault(name, "is there twice");
  }
  Result<Template> made = Template::parse_text(value.text, header_stretch(kVariables));
  if (!made) return table.fault(name, made.error().message);
  dialect_.headers.push_back({name, *std::move(made), retries_only});
}

void Loader::read_headers(TomlTable& top) {
  std::optional<TomlTable> table = top.table("headers");
  if (!table) return;
  for (const std::string& name : table->keys()) {
    if (!table->is_table(name)) {
      if (const auto value = table->text(name)) add_header(*table, name, *value, false);
      continue;
    }
    TomlTable header = table->table(name).value();
    const bool retries_only = header.boolean("retries_only").value_or(false);
    if (const auto value = header.required_text("value")) {
      add_header(*table, name, *value, retries_only);
    }
    header.finish();
  }
}

void Loader::read_events(TomlTable& top) {
  std::optional<TomlTable> table = top.table("events");
  if (!table) return;
  for (const std::string& name : table->keys()) {
    if (std::optional<TomlTable> event = table->table(name)) read_event(*event, name);
  }
}

void Loader::read_event(TomlTable& table, std::string name) {
  EventType event;
  if (name.empty() || name.size() > 128 || name == "*" || !is_word(name)) {
    table.fault("name", fmt::format("\"{}\" is no name of an event: 1 to 128 printable characters "
                                    "without spaces, and not *",
                                    name));
  }
  event.canonical = table.text("canonical").value_or(TomlText{name, 0}).text;
  if (const auto good = model::check_event_type(event.canonical); !good) {
    table.fault("canonical", good.error().message);
  }
  for (const EventType& other : dialect_.events) {
    if (other.canonical == event.canonical) {
      table.fault("canonical",
                  fmt::format("\"{}\" is made from {} too", other.name, event.canonical));
    }
  }
  event.name = std::move(name);
  if (const auto text = table.required_text("description")) event.description = text->text;
  event.module = table.text("module").value_or(TomlText()).text;
  event.document = table.text("document").value_or(TomlText()).text;
  if (table.has("data")) {
    event.data = read_template(table, "data", data_stretch(kVariables), TemplateForm::kJson);
  }
  if (table.has("envelope")) {
    event.envelope =
        read_template(table, "envelope", envelope_stretch(kVariables), TemplateForm::kJson);
  }
  read_event_headers(table, event);
  event.schema = read_object(table, "schema");
  if (event.schema.is_object()) {
    Result<Schema> rules = Schema::compile(event.schema);
    if (!rules) table.fault("schema", rules.error().message);
    if (rules) event.rules = *std::move(rules);
  }
  event.example = read_object(table, "example");
  example_lines_.push_back(table.line("example"));
  dialect_.events.push_back(std::move(event));
  table.finish();
}

void Loader::read_event_headers(TomlTable& event_table, EventType& event) {
  std::optional<TomlTable> table = event_table.table("headers");
  if (!table) return;
  for (const std::string& name : table->keys()) {
    const std::optional<TomlText> value = table->text(name);
    if (!value) continue;
    if (std::ranges::find(dialect_.headers, name, &Dialect::HeaderRule::name) ==
        dialect_.headers.end()) {
      table->fault(name, "is none of [headers]");
    }
    // What is signed is read from these, whichever event it is.
    if (const auto& rules = dialect_.signature;
        rules && (name == rules->id_header || name == rules->timestamp_header)) {
      table->fault(name, "is signed, and says the same for every event");
    }
    Result<Template> made = Template::parse_text(value->text, header_stretch(kVariables));
    if (made) {
      event.headers.push_back({name, *std::move(made)});
    } else {
      table->fault(name, made.error().message);
    }
  }
}

void Loader::check_catalogue(TomlTable& top) {
  const std::vector<EventType>& events = dialect_.events;
  const std::optional<TomlText> test = top.text("test_event");
  if (events.empty() && !dialect_.open_catalogue) {
    top.fault("events", "a dialect has [events], or an open_catalogue");
  }
  if (test) {
    dialect_.test_event = test->text;
    const bool listed = std::ranges::any_of(
        events, [&](const EventType& event) { return event.name == test->text; });
    if (!listed) top.fault("test_event", fmt::format("[events] has no \"{}\"", test->text));
  } else if (!dialect_.open_catalogue && !events.empty()) {
    dialect_.test_event = events.front().name;
  }
}

// The headers of a first try and of a retry, which may be others.
Result<void> check_headers(const Dialect& dialect, const Message& message) {
  for (const int number : {1, 2}) {
    const AttemptView attempt{.delivery_id = message.event_id, .number = number, .sent_at = {}};
    const Result<std::vector<net::Header>> headers = request_headers(dialect, message, attempt);
    if (!headers) return fail(headers.error());
  }
  return {};
}

// An example that does not fit its own template or schema is found now, and not by a receiver.
void Loader::render_examples() {
  for (std::size_t i = 0; i < dialect_.events.size(); ++i) {
    const EventType& event = dialect_.events[i];
    Message message;
    message.event_id = "00000000-0000-7000-8000-000000000000";
    message.event_type = event.canonical;
    message.subject = message.event_id;
    message.workspace_slug = "acme";
    message.environment = "sandbox";
    message.data = &event.example;
    const Result<std::string> body = render_body(dialect_, message);
    const Result<void> headers = check_headers(dialect_, message);
    const Result<std::string> key =
        dialect_.coalescing ? coalescing_key(*dialect_.coalescing, message) : std::string();
    const Result<void> data = body ? check_data(dialect_, message) : Result<void>();
    for (const Error* error : {body ? nullptr : &body.error(), headers ? nullptr : &headers.error(),
                               key ? nullptr : &key.error(), data ? nullptr : &data.error()}) {
      if (!error) continue;
      faults_.add(example_lines_[i],
                  fmt::format("[events.\"{}\"] example: {}", event.name, error->message));
    }
  }
}

Result<std::string> read_file(const std::filesystem::path& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  std::ifstream in(path, std::ios::binary);
  if (error || !in || size > kFileBytesMax) {
    return fail(Code::kInvalid, "dialect_invalid",
                fmt::format("{}:1: the file cannot be read, or is larger than {} bytes",
                            path.string(), kFileBytesMax));
  }
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace

bool is_of_connection(std::string_view header_name) {
  return std::ranges::any_of(kTakenHeaders, [&](std::string_view taken) {
    return net::same_header_name(header_name, taken);
  });
}

bool is_media_type(std::string_view text) {
  return text.find('/') != std::string_view::npos &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

Result<Dialect> load_dialect(std::string_view file, std::string_view text) {
  return Loader(file).load(text);
}

Result<DialectRegistry> DialectRegistry::load(const std::filesystem::path& extra) {
  DialectRegistry registry;
  const auto add = [&](std::string_view file, std::string_view text) -> Result<void> {
    Result<Dialect> dialect = load_dialect(file, text);
    if (!dialect) return fail(std::move(dialect).error());
    std::string name = dialect->name;
    const Dialect* const replaced = registry.find(name);
    if (replaced && !replaced->receives_only && dialect->receives_only) {
      return fail(Code::kInvalid, "dialect_invalid",
                  fmt::format("{}:1: the dialect {} is built in and sends, and this one could not",
                              file, name));
    }
    registry.dialects_[std::move(name)] = std::make_unique<const Dialect>(*std::move(dialect));
    return {};
  };
  for (const EmbeddedFile& file : builtin_dialects()) {
    WAYBILL_TRY(add(fmt::format("dialects/{}", file.name), file.text));
  }
  if (extra.empty()) return registry;

  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator it(extra, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() == ".toml") files.push_back(it->path());
  }
  if (error) {
    return fail(Code::kInvalid, "dialect_invalid",
                fmt::format("{}: {}", extra.string(), error.message()));
  }
  std::ranges::sort(files);
  for (const std::filesystem::path& path : files) {
    const Result<std::string> text = read_file(path);
    if (!text) return fail(text.error());
    WAYBILL_TRY(add(path.string(), *text));
  }
  return registry;
}

const Dialect* DialectRegistry::find(std::string_view name) const {
  const auto found = dialects_.find(name);
  return found == dialects_.end() ? nullptr : found->second.get();
}

std::vector<std::string> DialectRegistry::names() const {
  std::vector<std::string> names;
  for (const auto& [name, dialect] : dialects_) names.push_back(name);
  return names;
}

}  // namespace waybill::dialect
