#include "app/cli/commands.h"
#include "app/cli/session.h"
#include "base/clock.h"

namespace waybill::app::cli {
namespace {

void add_list(json::object& body, const Session& session, std::string_view argument,
              std::string_view member) {
  if (!session.has(argument)) return;
  json::array values;
  for (const std::string& value : session.list(argument)) values.emplace_back(value);
  body[member] = std::move(values);
}

constexpr std::string_view kShownOnce =
    "\nThis is the only time the key is shown: keep it where the program that uses it "
    "finds it.";
constexpr std::string_view kSecretShownOnce =
    "\nThis is the only time the secret is shown: requests are signed with it from now on.";

Result<void> create(Session& session) {
  json::object body;
  for (const char* text : {"--platform", "--name", "--user", "--kind", "--store", "--source",
                           "--payload-format", "--signing-secret"}) {
    add_text(body, session, text);
  }
  add_list(body, session, "--scopes", "scopes");
  add_list(body, session, "--allow-ip", "allowed_networks");
  if (session.has("--require-signature")) body["require_signature"] = true;
  const auto calls = session.number("--calls-per-minute");
  if (!calls) return fail(calls.error());
  if (*calls) body["calls_per_minute"] = **calls;
  if (const auto expires = session.value("--expires")) {
    // A day alone ends when it does.
    body["expires_at"] = is_iso_date(*expires) ? *expires + "T23:59:59Z" : *expires;
  }
  const auto answer = session.post(session.in_workspace("/keys"), body);
  if (!answer) return fail(answer.error());
  session.print(*answer);
  session.note(kShownOnce);
  return {};
}

Session::Path path_of(Session& session, std::string_view rest = {}) {
  return session.in_workspace("/keys/" + segment(session.text("KEY")) + std::string(rest));
}

Result<void> show(Session& session) { return session.print_answer(session.get(path_of(session))); }

Result<void> rotate_secret(Session& session) {
  json::object body;
  add_text(body, session, "--secret");
  add_text(body, session, "--overlap");
  const auto answer = session.post(path_of(session, "/rotate-secret"), body);
  if (!answer) return fail(answer.error());
  session.print(*answer);
  session.note(kSecretShownOnce);
  return {};
}

Result<void> list(Session& session) {
  return session.print_list(session.in_workspace("/keys"), {},
                            {{"ID", "id"},
                             {"PLATFORM", "platform"},
                             {"NAME", "name"},
                             {"PREFIX", "prefix"},
                             {"SCOPES", "scopes"},
                             {"LAST USED", "last_used_at"},
                             {"24H", "requests_24h"},
                             {"FAILED", "errors_24h"},
                             {"EXPIRES", "expires_at"},
                             {"REVOKED", "revoked_at"}});
}

Result<void> revoke(Session& session) {
  return session.print_answer(session.remove(path_of(session)));
}

const Argument kKey{.name = "KEY", .help = "Its id, from `waybill key list`", .required = true};

std::vector<Argument> create_arguments() {
  return {
      {.name = "--platform",
       .placeholder = "PLATFORM",
       .help = "Which API it opens: proculink, procureiq, precoro, peptideclients, proign or "
               "waybill",
       .required = true},
      {.name = "--name", .placeholder = "NAME", .help = "Who uses it"},
      {.name = "--kind",
       .placeholder = "integration|public",
       .help = "Which half of PeptideClients' API; without it, integration where a store is given"},
      {.name = "--store",
       .placeholder = "STORE",
       .help = "The store that an integration's key is for: an id or name"},
      {.name = "--source",
       .placeholder = "TEXT",
       .help = "What its orders are said to come from: shopify"},
      {.name = "--payload-format",
       .placeholder = "FORMAT",
       .help = "Whose words its orders are in: peptideclients (default) or woocommerce"},
      {.name = "--require-signature", .help = "Takes signed requests of an integration alone"},
      {.name = "--signing-secret",
       .placeholder = "SECRET",
       .help = "What an integration signs with; without it, the hub makes one"},
      {.name = "--user",
       .placeholder = "USER",
       .help = "Whose a key of precoro is: an id or e-mail address"},
      {.name = "--scopes",
       .placeholder = "A,B",
       .help = "What the key may do: orders:read, endpoints:*, *",
       .repeated = true},
      {.name = "--allow-ip",
       .placeholder = "CIDR,...",
       .help = "Where it may be used from: 192.0.2.7, 10.1.0.0/16, fd00::/8",
       .repeated = true},
      {.name = "--calls-per-minute",
       .placeholder = "N",
       .help = "So many calls are taken with it in a minute"},
      {.name = "--expires",
       .placeholder = "DATE",
       .help = "Its last day (2027-12-31, in UTC), or a time in RFC 3339"}};
}

}  // namespace

CommandGroup key_group() {
  return {.name = "key",
          .summary = "API keys, by which programs get in",
          .commands = {
              {.name = "key create",
               .summary = "Makes an API key and shows it once",
               .details = "A key of a platform opens that platform's API. A key of the platform "
                          "waybill opens the management API, as far as its scopes say. One of "
                          "precoro shows what its user may see. One of an integration is for one "
                          "store, and comes with a secret that its requests are signed with.",
               .example = "key create --workspace acme --platform proculink --name 'Web shop'",
               .arguments = create_arguments(),
               .in_workspace = true,
               .run = create},
              {.name = "key list",
               .summary = "Lists the keys by their first characters",
               .example = "key list --workspace acme",
               .in_workspace = true,
               .is_list = true,
               .run = list},
              {.name = "key show",
               .summary = "Shows a key, but neither its text nor its secrets",
               .example = "key show key_01KAHZ5MPQ3V8N2X7R4T6W9Y0B --workspace acme",
               .arguments = {kKey},
               .in_workspace = true,
               .run = show},
              {.name = "key rotate-secret",
               .summary = "Gives an integration another signing secret, and shows it once",
               .details = "What is signed with the former one is taken as well for a day, or for "
                          "as long as --overlap says.",
               .example = "key rotate-secret key_01KAHZ5MPQ3V8N2X7R4T6W9Y0B --workspace acme",
               .arguments = {kKey,
                             {.name = "--secret",
                              .placeholder = "SECRET",
                              .help = "One of your own; without it, the hub makes one"},
                             {.name = "--overlap",
                              .placeholder = "DURATION",
                              .help = "How long the former one counts: 0s to 7d"}},
               .in_workspace = true,
               .run = rotate_secret},
              {.name = "key revoke",
               .summary = "Ends a key, at once and for ever",
               .example = "key revoke key_01KAHZ5MPQ3V8N2X7R4T6W9Y0B --workspace acme",
               .arguments = {kKey},
               .in_workspace = true,
               .run = revoke},
          }};
}

}  // namespace waybill::app::cli
