// sign and verify: what a dialect does with a body and a secret, without a hub.

#include <fmt/format.h>

#include "app/cli/commands.h"
#include "app/cli/session.h"
#include "base/clock.h"
#include "base/ids.h"
#include "crypto/random.h"
#include "dialect/loader.h"

namespace waybill::app::cli {
namespace {

Result<dialect::DialectRegistry> load_dialects(const Session& session) {
  auto folder = session.value("--dialects");
  if (!folder) folder = session.environment()("WAYBILL_DIALECTS");
  return dialect::DialectRegistry::load(folder.value_or(""));
}

Result<const dialect::Dialect*> find_dialect(const dialect::DialectRegistry& dialects,
                                             const std::string& name) {
  const dialect::Dialect* found = dialects.find(name);
  if (found != nullptr && found->signature) return found;
  std::string names;
  for (const std::string& known : dialects.names()) names += (names.empty() ? "" : ", ") + known;
  return usage_error(found ? fmt::format("The dialect {} does not sign.", name)
                           : fmt::format("There is no dialect {}; there are: {}.", name, names));
}

// A time in RFC 3339 or in seconds since 1970; without the argument the time it is.
Result<Timestamp> time_of(const Session& session, std::string_view argument) {
  const auto text = session.value(argument);
  if (!text) return SystemClock().wall_now();
  if (const auto time = parse_iso_time(*text)) return *time;
  const auto seconds = session.number(argument);
  if (!seconds || **seconds < 0 || **seconds > 253'402'300'799) {
    return usage_error(fmt::format(
        "{} takes a time such as 2026-11-21T04:30:00Z, or seconds since 1970.", argument));
  }
  return from_unix_millis(**seconds * 1000);
}

Result<std::vector<Secret>> secrets_of(const Session& session) {
  std::vector<Secret> secrets;
  for (std::string& secret : session.values("--secret")) secrets.emplace_back(std::move(secret));
  if (const auto file = session.value("--secret-file")) {
    auto text = read_input(*file);
    if (!text) return fail(text.error());
    while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
    secrets.emplace_back(std::move(*text));
  }
  if (secrets.empty()) return usage_error("Give --secret or --secret-file.");
  return secrets;
}

std::string time_text(dialect::SignatureRules::TimeFormat format, Timestamp time) {
  using Format = dialect::SignatureRules::TimeFormat;
  switch (format) {
    case Format::kUnix: return std::to_string(unix_seconds(time));
    case Format::kUnixMillis: return std::to_string(unix_millis(time));
    case Format::kIso: return iso_time(time);
  }
  return {};
}

std::string new_message_id() {
  const SystemClock clock;
  return "msg_" + IdGenerator(clock, crypto::random_seed()).next().crockford();
}

Result<void> sign(Session& session) {
  const auto dialects = load_dialects(session);
  if (!dialects) return fail(dialects.error());
  const auto spoken = find_dialect(*dialects, session.text("--dialect"));
  if (!spoken) return fail(spoken.error());
  const auto secrets = secrets_of(session);
  if (!secrets) return fail(secrets.error());
  const auto body = read_input(session.text("--body"));
  if (!body) return fail(body.error());
  const auto sent_at = time_of(session, "--timestamp");
  if (!sent_at) return fail(sent_at.error());

  const dialect::SignatureRules& rules = *(*spoken)->signature;
  std::vector<net::Header> headers;
  if (!rules.id_header.empty()) {
    headers.push_back({rules.id_header, session.value("--id").value_or(new_message_id())});
  }
  if (!rules.timestamp_header.empty()) {
    headers.push_back({rules.timestamp_header, time_text(rules.time_format, *sent_at)});
  }
  auto signatures = dialect::sign(**spoken, headers, *body, *sent_at, *secrets);
  if (!signatures) return usage_error(signatures.error().message);
  headers.insert(headers.end(), signatures->begin(), signatures->end());

  if (session.wants_json()) {
    json::array rows;
    for (const net::Header& header : headers) {
      rows.push_back(json::object{{"name", header.name}, {"value", header.value}});
    }
    session.print(json::object{{"headers", std::move(rows)}});
    return {};
  }
  for (const net::Header& header : headers) {
    session.print_line(fmt::format("{}: {}", header.name, header.value));
  }
  return {};
}

Result<void> verify(Session& session) {
  const auto dialects = load_dialects(session);
  if (!dialects) return fail(dialects.error());
  const auto spoken = find_dialect(*dialects, session.text("--dialect"));
  if (!spoken) return fail(spoken.error());
  const auto keys = secrets_of(session);
  if (!keys) return fail(keys.error());
  const auto body = read_input(session.text("--body"));
  if (!body) return fail(body.error());
  const auto now = time_of(session, "--at");
  if (!now) return fail(now.error());
  std::vector<net::Header> headers;
  for (const std::string& line : session.values("--header")) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || colon == 0) {
      return usage_error(fmt::format("--header takes 'Name: value', not '{}'.", line));
    }
    const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
    const std::size_t end = line.find_last_not_of(" \t\r\n");
    headers.push_back({line.substr(0, colon),
                       begin == std::string::npos ? "" : line.substr(begin, end - begin + 1)});
  }

  const auto verified = dialect::verify(**spoken, headers, *body, *keys, *now);
  if (!verified) return fail(verified.error());
  if (session.wants_json()) {
    session.print(json::object{{"valid", true}});
  } else {
    session.print_line("The signature is valid.");
  }
  return {};
}

constexpr Argument kDialect{.name = "--dialect",
                            .placeholder = "NAME",
                            .help = "The dialect: proculink, standard-webhooks … (dialect list)",
                            .required = true};
constexpr Argument kSecretFile{.name = "--secret-file",
                               .placeholder = "FILE",
                               .help = "Reads the secret, so that it is in no list of processes"};
constexpr Argument kBody{.name = "--body",
                         .placeholder = "FILE",
                         .help = "The body, byte for byte; - is standard input",
                         .required = true};
constexpr Argument kDialects{.name = "--dialects",
                             .placeholder = "DIR",
                             .help = "A folder of dialects of your own; default: WAYBILL_DIALECTS"};

}  // namespace

CommandGroup sign_group() {
  return {
      .name = "sign",
      .summary = "Signs a body as a dialect does, and prints the headers",
      .commands = {{
          .name = "sign",
          .summary = "Signs a body as a dialect does, and prints the headers",
          .details = "Needs no hub. With several secrets, newest first, all of them sign.",
          .example = "sign --dialect proculink --secret s3cret --body "
                     "examples/orders/01-office-paper.json",
          .arguments = {kDialect,
                        {.name = "--secret",
                         .placeholder = "SECRET",
                         .help = "The endpoint's secret",
                         .repeated = true},
                        kSecretFile,
                        kBody,
                        {.name = "--id",
                         .placeholder = "ID",
                         .help = "The message's id, where it is signed; default: a new one"},
                        {.name = "--timestamp",
                         .placeholder = "TIME",
                         .help = "When it is sent: RFC 3339, or seconds since 1970; default: now"},
                        kDialects},
          .asks_hub = false,
          .run = sign,
      }}};
}

CommandGroup verify_group() {
  return {.name = "verify",
          .summary = "Verifies a webhook's signature as its receiver would",
          .commands = {{
              .name = "verify",
              .summary = "Verifies a webhook's signature as its receiver would",
              .details =
                  "Needs no hub. The exit status is 0 for a valid signature, and 1 with a reason "
                  "for any other.",
              .example = "verify --dialect proculink --secret s3cret --body "
                         "examples/orders/01-office-paper.json --header \"$HEADER\"",
              .arguments = {kDialect,
                            {.name = "--secret",
                             .placeholder = "SECRET",
                             .help = "The secret, or the public key of an asymmetric one",
                             .repeated = true},
                            kSecretFile,
                            kBody,
                            {.name = "--header",
                             .placeholder = "'NAME: VALUE'",
                             .help = "One of the headers that came with it",
                             .repeated = true},
                            {.name = "--at",
                             .placeholder = "TIME",
                             .help = "When it came: RFC 3339, or seconds since 1970; default: now"},
                            kDialects},
              .asks_hub = false,
              .run = verify,
          }}};
}

}  // namespace waybill::app::cli
