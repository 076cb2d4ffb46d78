// A Session is one run of a command: its arguments, the hub it asks, and how its answer is printed.

#pragma once

#include <cstdio>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/cli/hub_client.h"
#include "app/cli/output.h"
#include "app/cli/parser.h"
#include "app/settings.h"
#include "base/json.h"
#include "base/result.h"

namespace waybill::app::cli {

class Session {
 public:
  Session(Invocation invocation, Environment environment);

  // The arguments, by Argument::name.
  bool has(std::string_view name) const;
  std::optional<std::string> value(std::string_view name) const;
  // Requires: it is a required argument.
  std::string text(std::string_view name) const { return value(name).value_or(""); }
  // All values of an argument that can be repeated, and the parts between commas of each.
  std::vector<std::string> list(std::string_view name) const;
  // As list(), but commas part nothing.
  std::vector<std::string> values(std::string_view name) const;
  // Fails with kUsage if it is given and is no whole number.
  Result<std::optional<std::int64_t>> number(std::string_view name) const;
  const Invocation& invocation() const { return invocation_; }
  const Environment& environment() const { return environment_; }
  bool wants_json() const { return has("--json"); }

  // What is asked for, or why that cannot be told: in_workspace().
  using Path = Result<std::string>;

  // The hub. All fail with the path's error, and as HubClient::ask() and find_hub().
  Result<HubClient*> hub();
  Result<json::value> get(const Path& path, const Query& query = {});
  Result<json::value> post(const Path& path, const json::value& body = json::object(),
                           std::string idempotency_key = "",
                           std::chrono::seconds patience = HubClient::kPatience);
  Result<json::value> put(const Path& path, const json::value& body);
  // For what may take long.
  Result<json::value> put(const Path& path, std::chrono::seconds patience);
  Result<json::value> patch(const Path& path, const json::value& body);
  Result<json::value> remove(const Path& path);

  // "/hub/v1/workspaces/demo" and `rest`: of --workspace, WAYBILL_WORKSPACE, or the only one there
  // is, which is then told. Fails with kUsage if there are several, or none.
  Path in_workspace(std::string_view rest);

  // Asks for as many rows of a list as --limit, --cursor and --all say, and prints them.
  // `filters`: names of arguments that are query parameters, "--since" as since.
  Result<void> print_list(const Path& path, std::initializer_list<std::string_view> filters,
                          const std::vector<Column>& columns, Query query = {});
  // A list that comes whole: {"rows": […]}.
  void print_rows(const json::value& answer, const std::vector<Column>& columns) const;
  // The answer as JSON if that is wanted, else described.
  void print(const json::value& answer) const;
  // The same, unless there is none: then it fails as that does.
  Result<void> print_answer(const Result<json::value>& answer) const;
  void print_line(std::string_view text) const;
  // For a person, on standard error; nothing with --json.
  void note(std::string_view text) const;

 private:
  Result<json::value> ask(std::string_view method, const Path& path, const Query& query,
                          const json::value& body, std::string idempotency_key,
                          std::chrono::seconds patience = HubClient::kPatience);
  Result<json::value> collect(const Path& path, Query query);

  Invocation invocation_;
  Environment environment_;
  std::unique_ptr<HubClient> hub_;
};

// An id or name as one segment of a path.
std::string segment(std::string_view text);

// Adds `name` to the body if its argument was given: "--rate-per-second" as rate_per_second.
void add_text(json::object& body, const Session& session, std::string_view argument);

// Reads a file, or standard input for "-". Fails with kUsage if it cannot be read.
Result<std::string> read_input(const std::string& file);

}  // namespace waybill::app::cli
