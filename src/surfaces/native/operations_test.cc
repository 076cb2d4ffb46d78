// The table of operations and the published contract say the same.

#include "surfaces/native/operations.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "surfaces/native/access.h"
#include "surfaces/native/native_fixture.h"

namespace waybill::surfaces::native {
namespace {

const json::value& resolve(const json::value& part) {
  const json::value* reference = part.as_object().if_contains("$ref");
  return reference ? openapi_part(reference->as_string()) : part;
}

// "post /hub/v1/… createX scope", with the names of what it takes beside the path.
using Line = std::string;

Line line_of(std::string method, std::string_view path, std::string_view id, std::string_view scope,
             const std::set<std::string>& query, bool idempotent) {
  std::ranges::transform(method, method.begin(),
                         [](char c) { return static_cast<char>(c | 0x20); });
  std::string line =
      fmt::format("{} {} {} {}{}", method, path, id, scope, idempotent ? " Idempotency-Key" : "");
  for (const std::string& name : query) line += " ?" + name;
  return line;
}

std::set<Line> lines_of_table() {
  std::set<Line> lines;
  for (const Operation& operation : operations()) {
    lines.insert(line_of(std::string(operation.method), operation.path, operation.id,
                         operation.scope, {operation.query.begin(), operation.query.end()},
                         operation.method == "POST"));
  }
  return lines;
}

std::set<Line> lines_of_contract() {
  std::set<Line> lines;
  for (const auto& path : at(openapi(), "paths").as_object()) {
    for (const auto& method : path.value().as_object()) {
      const json::object& operation = method.value().as_object();
      std::set<std::string> query;
      std::set<std::string> in_path;
      bool idempotent = false;
      if (const json::value* parameters = operation.if_contains("parameters")) {
        for (const json::value& given : parameters->as_array()) {
          const json::value& parameter = resolve(given);
          const std::string name = text(parameter, "name");
          if (text(parameter, "in") == "query") query.insert(name);
          if (text(parameter, "in") == "path") in_path.insert("{" + name + "}");
          if (text(parameter, "in") == "header") idempotent = name == "Idempotency-Key";
        }
      }
      for (const std::string& name : in_path) {
        EXPECT_NE(path.key().find(name), json::string_view::npos)
            << path.key() << " has no " << name;
      }
      EXPECT_EQ(std::ranges::count(path.key(), '{'), std::ssize(in_path)) << path.key();
      lines.insert(line_of(method.key(), path.key(), text(operation, "operationId"),
                           text(operation, "x-scope"), query, idempotent));
    }
  }
  return lines;
}

TEST(Operations, TheContractHasEveryOperationAndNoOther) {
  EXPECT_EQ(lines_of_table(), lines_of_contract());
}

TEST(Operations, IdsAreUniqueAndScopesAreKnown) {
  std::set<std::string_view> ids;
  for (const Operation& operation : operations()) {
    EXPECT_TRUE(ids.insert(operation.id).second) << operation.id;
    const bool special = operation.scope == kNoToken || operation.scope == kAnyToken ||
                         operation.scope == kAdminToken;
    const bool known = std::ranges::any_of(model::known_scopes(), [&](const model::Scope& scope) {
      return scope.name == operation.scope;
    });
    EXPECT_TRUE(special || known) << operation.id << ": " << operation.scope;
  }
}

TEST(Operations, TheContractHasNoSchemaThatNobodyUses) {
  const std::string document = write_json(openapi());
  for (const auto& schema : openapi_part("#/components/schemas").as_object()) {
    const std::string reference =
        fmt::format("\"#/components/schemas/{}\"", std::string_view(schema.key()));
    EXPECT_NE(document.find(reference), std::string::npos) << schema.key();
  }
}

TEST(Operations, TheContractsExamplesFitTheirSchemas) {
  for (const auto& path : at(openapi(), "paths").as_object()) {
    for (const auto& method : path.value().as_object()) {
      const json::value* body = method.value().as_object().if_contains("requestBody");
      if (!body) continue;
      const json::value& content = at(*body, "content", "application/json");
      const json::value& schema = resolve(at(content, "schema"));
      for (const auto& member : at(content, "example").as_object()) {
        EXPECT_TRUE(at(schema, "properties").as_object().contains(member.key()))
            << path.key() << ": " << member.key();
      }
      if (const json::value* required = schema.as_object().if_contains("required")) {
        for (const json::value& name : required->as_array()) {
          EXPECT_TRUE(at(content, "example").as_object().contains(name.as_string())) << path.key();
        }
      }
    }
  }
}

}  // namespace
}  // namespace waybill::surfaces::native
