#include <fmt/format.h>

#include "app/cli/commands.h"
#include "app/cli/handler_spec.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

constexpr Argument kSource{
    .name = "SOURCE", .help = "Its id or name, from `waybill source list`", .required = true};
constexpr Argument kName{.name = "--name", .placeholder = "TEXT", .help = "What it is called"};
constexpr Argument kRemember{.name = "--remember",
                             .placeholder = "30d",
                             .help = "How long a message is known again, 1m to 365d"};
constexpr Argument kQuietAfter{.name = "--quiet-after",
                               .placeholder = "1h",
                               .help = "Tells endpoints if nothing has come for so long"};
constexpr Argument kTolerance{.name = "--tolerance",
                              .placeholder = "5m",
                              .help = "How far a signed time may be off, instead of its dialect's"};

// What an update takes away.
constexpr std::string_view kNone = "none";

// --name, --remember, --quiet-after and --tolerance; `none` takes one of the latter two away.
void add_settings_of(json::object& body, const Session& session) {
  add_text(body, session, "--name");
  add_text(body, session, "--remember");
  add_text(body, session, "--quiet-after");
  add_text(body, session, "--tolerance");
  if (session.text("--quiet-after") == kNone) body["quiet_after"] = nullptr;
  if (session.text("--tolerance") == kNone) body["tolerance"] = nullptr;
}

// What is shown once.
void tell_secrets(const Session& session, const json::value& answer) {
  const json::object* made = answer.if_object();
  const json::value* secret = made ? made->if_contains("secret") : nullptr;
  if (secret == nullptr || !secret->is_string()) return;
  session.note(
      "\nThis is the only time the secret is shown: give it to the platform, which signs with it.");
}

Result<void> create(Session& session) {
  json::object body;
  add_text(body, session, "--dialect");
  add_settings_of(body, session);
  const auto secrets = session.values("--secret");
  if (session.has("--no-secret") && !secrets.empty()) {
    return usage_error("Either --secret or --no-secret.");
  }
  if (session.has("--no-secret") || !secrets.empty()) body["secrets"] = json::value_from(secrets);
  json::array handlers;
  for (const std::string& spec : session.values("--handler")) {
    auto handler = parse_handler_spec(spec);
    if (!handler) return fail(handler.error());
    handlers.push_back(*std::move(handler));
  }
  if (!handlers.empty()) body["handlers"] = std::move(handlers);
  const auto answer = session.post(session.in_workspace("/sources"), body);
  if (!answer) return fail(answer.error());
  session.print(*answer);
  tell_secrets(session, *answer);
  return {};
}

Result<void> list(Session& session) {
  return session.print_list(session.in_workspace("/sources"), {},
                            {{"ID", "id"},
                             {"NAME", "name"},
                             {"DIALECT", "dialect"},
                             {"PATH", "path"},
                             {"LAST MESSAGE", "last_received_at"}});
}

Session::Path path_of(Session& session, std::string_view action = {}) {
  return session.in_workspace(
      fmt::format("/sources/{}{}", segment(session.text("SOURCE")), action));
}

Result<void> show(Session& session) { return session.print_answer(session.get(path_of(session))); }

Result<void> remove(Session& session) {
  return session.print_answer(session.remove(path_of(session)));
}

Result<void> update(Session& session) {
  json::object body;
  add_settings_of(body, session);
  if (body.empty()) return usage_error("Say what to change: waybill source update --help");
  return session.print_answer(session.patch(path_of(session), body));
}

Result<void> add_secret(Session& session) {
  json::object body;
  add_text(body, session, "--secret");
  add_text(body, session, "--overlap");
  if (session.has("--keep")) body["overlap"] = nullptr;
  const auto answer = session.post(path_of(session, "/secrets"), body);
  if (!answer) return fail(answer.error());
  session.print(*answer);
  tell_secrets(session, *answer);
  return {};
}

Result<void> remove_secret(Session& session) {
  return session.print_answer(session.remove(
      path_of(session, fmt::format("/secrets/{}", segment(session.text("FINGERPRINT"))))));
}

Result<void> rotate_token(Session& session) {
  return session.print_answer(session.post(path_of(session, "/rotate-token")));
}

Command create_command() {
  return {.name = "source create",
          .summary = "Opens a door for a platform's webhooks, and shows its address",
          .details =
              "--handler says what is done with what comes in: https://…, command:/path arg …, "
              "file:NAME, redis://…?stream=S, amqp://…?exchange=E, kafka://HOST:PORT/TOPIC, "
              "postgresql://…?table=T, publish or fetch; `waybill handler create` knows more of "
              "each.",
          .example =
              "source create --workspace acme --dialect stripe --secret whsec_… --handler "
              "https://shop.example/hooks",
          .arguments = {{.name = "--dialect",
                         .placeholder = "NAME",
                         .help = "Who sends: a name from `waybill dialect list`",
                         .required = true},
                        kName,
                        {.name = "--secret",
                         .placeholder = "SECRET",
                         .help = "What the platform signs with; default: the hub makes one",
                         .repeated = true},
                        {.name = "--no-secret",
                         .help = "None yet: nothing is received until one is added"},
                        kRemember,
                        kQuietAfter,
                        kTolerance,
                        {.name = "--handler",
                         .placeholder = "SPEC",
                         .help = "What is done with each message",
                         .repeated = true}},
          .in_workspace = true,
          .run = create};
}

std::vector<Command> secret_commands() {
  return {
      {.name = "source add-secret",
       .summary = "Gives a source another secret, by which messages verify too",
       .details = "The former ones go on for the time of the overlap, so that the platform can "
                  "change over without losing a message.",
       .example = "source add-secret payments --overlap 24h",
       .arguments = {kSource,
                     {.name = "--secret",
                      .placeholder = "SECRET",
                      .help = "The new secret; default: the hub makes one"},
                     {.name = "--overlap",
                      .placeholder = "24h",
                      .help = "How long the former ones verify, 0s to 7d; default: 24h"},
                     {.name = "--keep", .help = "The former ones verify for good"}},
       .in_workspace = true,
       .run = add_secret},
      {.name = "source remove-secret",
       .summary = "Takes a secret from a source at once",
       .example = "source remove-secret payments 1f2e3d4c",
       .arguments = {kSource,
                     {.name = "FINGERPRINT",
                      .help = "Which one, from `waybill source show`",
                      .required = true}},
       .in_workspace = true,
       .run = remove_secret},
      {.name = "source rotate-token",
       .summary = "Moves a source to a new address; the former one is gone at once",
       .example = "source rotate-token payments",
       .arguments = {kSource},
       .in_workspace = true,
       .run = rotate_token},
  };
}

}  // namespace

CommandGroup source_group() {
  CommandGroup group{
      .name = "source",
      .summary = "Sources: doors for other platforms' webhooks",
      .commands = {
          create_command(),
          {.name = "source list",
           .summary = "Lists the sources, newest first",
           .example = "source list --workspace acme",
           .in_workspace = true,
           .is_list = true,
           .run = list},
          {.name = "source show",
           .summary = "Shows one source, and the fingerprints of its secrets",
           .example = "source show payments",
           .arguments = {kSource},
           .in_workspace = true,
           .run = show},
          {.name = "source update",
           .summary = "Changes a source; what is not named stays",
           .details = "`none` as the value of --quiet-after or --tolerance takes it away.",
           .example = "source update payments --quiet-after 1h",
           .arguments = {kSource, kName, kRemember, kQuietAfter, kTolerance},
           .in_workspace = true,
           .run = update},
          {.name = "source delete",
           .summary = "Closes a source, and deletes its handlers with what waits for them",
           .example = "source delete payments",
           .arguments = {kSource},
           .in_workspace = true,
           .run = remove},
      }};
  for (Command& command : secret_commands()) group.commands.push_back(std::move(command));
  return group;
}

}  // namespace waybill::app::cli
