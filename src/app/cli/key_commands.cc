#include "app/cli/commands.h"
#include "app/cli/session.h"
#include "base/clock.h"

namespace waybill::app::cli {
namespace {

Result<void> create(Session& session) {
  json::object body;
  add_text(body, session, "--platform");
  add_text(body, session, "--name");
  add_text(body, session, "--user");
  if (session.has("--scopes")) {
    json::array scopes;
    for (const std::string& scope : session.list("--scopes")) scopes.emplace_back(scope);
    body["scopes"] = std::move(scopes);
  }
  if (const auto expires = session.value("--expires")) {
    // A day alone ends when it does.
    body["expires_at"] = is_iso_date(*expires) ? *expires + "T23:59:59Z" : *expires;
  }
  const auto answer = session.post(session.in_workspace("/keys"), body);
  if (!answer) return fail(answer.error());
  session.print(*answer);
  session.note(
      "\nThis is the only time the key is shown: keep it where the program that uses it "
      "finds it.");
  return {};
}

Result<void> list(Session& session) {
  return session.print_list(session.in_workspace("/keys"), {},
                            {{"ID", "id"},
                             {"PLATFORM", "platform"},
                             {"NAME", "name"},
                             {"PREFIX", "prefix"},
                             {"SCOPES", "scopes"},
                             {"EXPIRES", "expires_at"},
                             {"REVOKED", "revoked_at"}});
}

Result<void> revoke(Session& session) {
  return session.print_answer(
      session.remove(session.in_workspace("/keys/" + segment(session.text("KEY")))));
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
                          "precoro shows what its user may see.",
               .example = "key create --workspace acme --platform proculink --name 'Web shop'",
               .arguments = {{.name = "--platform",
                              .placeholder = "proculink|procureiq|precoro|proign|waybill",
                              .help = "Which API it opens",
                              .required = true},
                             {.name = "--name", .placeholder = "NAME", .help = "Who uses it"},
                             {.name = "--user",
                              .placeholder = "USER",
                              .help = "Whose a key of precoro is: an id or e-mail address"},
                             {.name = "--scopes",
                              .placeholder = "A,B",
                              .help = "What the key may do: orders:read, endpoints:*, *",
                              .repeated = true},
                             {.name = "--expires",
                              .placeholder = "DATE",
                              .help = "Its last day (2027-12-31, in UTC), or a time in RFC 3339"}},
               .in_workspace = true,
               .run = create},
              {.name = "key list",
               .summary = "Lists the keys by their first characters",
               .example = "key list --workspace acme",
               .in_workspace = true,
               .is_list = true,
               .run = list},
              {.name = "key revoke",
               .summary = "Ends a key, at once and for ever",
               .example = "key revoke key_01KAHZ5MPQ3V8N2X7R4T6W9Y0B --workspace acme",
               .arguments =
                   {{.name = "KEY", .help = "Its id, from `waybill key list`", .required = true}},
               .in_workspace = true,
               .run = revoke},
          }};
}

}  // namespace waybill::app::cli
