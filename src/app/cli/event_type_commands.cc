#include <algorithm>

#include <fmt/format.h>

#include "app/cli/commands.h"
#include "app/cli/event_types.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

constexpr Argument kDialect{
    .name = "--dialect", .placeholder = "NAME", .help = "Only those of this dialect"};

Result<void> list(Session& session) {
  Query query;
  for (const char* filter : {"dialect", "canonical", "module"}) {
    if (auto given = session.value(fmt::format("--{}", filter))) query.emplace_back(filter, *given);
  }
  const auto answer = session.get(std::string(kEventTypes), query);
  if (!answer) return fail(answer.error());
  session.print_rows(*answer, {{"DIALECT", "dialect"},
                               {"EVENT", "name"},
                               {"CANONICAL", "canonical"},
                               {"MODULE", "module"},
                               {"DESCRIPTION", "description"}});
  return {};
}

Result<void> show(Session& session) {
  return session.print_answer(
      find_event_type(session, session.text("--dialect"), session.text("TYPE")));
}

}  // namespace

Result<json::value> find_event_type(Session& session, const std::string& dialect,
                                    const std::string& type) {
  auto answer = session.get(std::string(kEventTypes), {{"dialect", dialect}});
  if (!answer) return fail(answer.error());
  const json::object* page = answer->if_object();
  const json::value* member = page ? page->if_contains("rows") : nullptr;
  const json::array* rows = member ? member->if_array() : nullptr;
  if (rows == nullptr) {
    return fail(Code::kUnavailable, "hub_not_waybill", "The hub's answer is not a list.");
  }
  const auto text = [](const json::value& row, std::string_view name) {
    const json::object* object = row.if_object();
    const json::value* value = object ? object->if_contains(name) : nullptr;
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
  };
  std::vector<std::string> names;
  for (const char* name : {"name", "canonical"}) {
    for (const json::value& row : *rows) {
      if (text(row, name) == type) return row;
      names.push_back(text(row, name));
    }
  }
  const std::string near = nearest_word(type, names);
  return fail(Code::kNotFound, "event_type_not_found",
              fmt::format("The dialect {} lists no event {}.{} All: waybill event-type list "
                          "--dialect {}",
                          dialect, type,
                          near.empty() ? "" : fmt::format(" Did you mean '{}'?", near), dialect));
}

CommandGroup event_type_group() {
  return {.name = "event-type",
          .summary = "Event types: what each dialect can tell, and of which data",
          .commands = {
              {.name = "event-type list",
               .summary = "Lists the events of all dialects",
               .example = "event-type list --dialect proign --module Inventory",
               .arguments = {kDialect,
                             {.name = "--canonical",
                              .placeholder = "TYPE",
                              .help = "Only what is made from this canonical event"},
                             {.name = "--module",
                              .placeholder = "NAME",
                              .help = "Only those of this part of a platform"}},
               .run = list},
              {.name = "event-type show",
               .summary = "Shows one event of a dialect: its schema and an example",
               .example = "event-type show order.shipped --dialect proign",
               .arguments = {{.name = "TYPE",
                              .help = "The dialect's name of it, or the canonical one",
                              .required = true},
                             {.name = "--dialect",
                              .placeholder = "NAME",
                              .help = "A name from `waybill dialect list`",
                              .required = true}},
               .run = show},
          }};
}

}  // namespace waybill::app::cli
