#include "surfaces/native/native_fixture.h"

#include <algorithm>
#include <regex>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "surfaces/native/openapi.h"
#include "surfaces/native/operations.h"

namespace waybill::surfaces::native {
namespace {

bool is_of_type(const json::value& value, std::string_view type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_bool();
  if (type == "integer") return value.is_int64() || value.is_uint64();
  if (type == "number") return value.is_number();
  if (type == "string") return value.is_string();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  return false;
}

bool is_of_types(const json::value& value, const json::value& types) {
  if (types.is_string()) return is_of_type(value, types.get_string());
  return std::ranges::any_of(types.as_array(), [&](const json::value& type) {
    return is_of_type(value, type.as_string());
  });
}

std::string misfits_of_object(const json::object& object, const json::object& schema,
                              const std::string& path) {
  std::string found;
  if (const json::value* required = schema.if_contains("required")) {
    for (const json::value& name : required->as_array()) {
      if (object.contains(name.as_string())) continue;
      found += fmt::format("{}: {} is missing\n", path, std::string_view(name.as_string()));
    }
  }
  const json::value* properties = schema.if_contains("properties");
  for (const auto& member : object) {
    const std::string at = fmt::format("{}.{}", path, std::string_view(member.key()));
    const json::value* property =
        properties ? properties->as_object().if_contains(member.key()) : nullptr;
    if (property) {
      found += misfits(member.value(), *property, at);
    } else if (const json::value* others = schema.if_contains("additionalProperties");
               others && others->is_object()) {
      found += misfits(member.value(), *others, at);
    } else if (others) {
      found += at + ": not in the contract\n";
    }
  }
  return found;
}

std::string misfits_of_scalar(const json::value& value, const json::object& schema,
                              const std::string& path) {
  std::string found;
  const json::value* words = schema.if_contains("enum");
  if (words && std::ranges::find(words->as_array(), value) == words->as_array().end()) {
    found += path + ": not in its enum\n";
  }
  if (const json::value* only = schema.if_contains("const"); only && *only != value) {
    found += path + ": not what it always is\n";
  }
  const json::value* pattern = schema.if_contains("pattern");
  if (pattern && value.is_string() &&
      !std::regex_search(std::string(value.get_string()),
                         std::regex(std::string(pattern->as_string())))) {
    found += path + ": does not match its pattern\n";
  }
  const json::value* minimum = schema.if_contains("minimum");
  if (minimum && value.is_number() && value.to_number<double>() < minimum->to_number<double>()) {
    found += path + ": below its minimum\n";
  }
  return found;
}

// The operation that answers `target`, or null.
const Operation* operation_of(const net::Router& router, std::string_view method,
                              std::string_view target) {
  net::Request request;
  request.method = method;
  request.path = target.substr(0, target.find('?'));
  net::Router::Miss miss;
  const net::Handler* handler = router.find(request, miss);
  for (const net::Route& route : router.routes()) {
    if (&route.handler != handler) continue;
    for (const Operation& operation : operations()) {
      if (operation.method == route.method && operation.path == route.pattern) return &operation;
    }
  }
  return nullptr;
}

const json::value& resolved(const json::value& part) {
  const json::value* reference = part.as_object().if_contains("$ref");
  return reference ? openapi_part(reference->as_string()) : part;
}

// What the contract does not have of an answer.
std::string breaches(const Operation& operation, const net::Response& response) {
  std::string method(operation.method);
  std::ranges::transform(method, method.begin(),
                         [](char c) { return static_cast<char>(c | 0x20); });
  const json::object& responses =
      at(openapi(), "paths", operation.path, method, "responses").as_object();
  const json::value* listed = responses.if_contains(std::to_string(response.status));
  if (!listed) return fmt::format("status {} is not in the contract", response.status);
  const json::value& answer = resolved(*listed);
  const std::string type(*net::find_header(response.headers, "Content-Type"));
  const json::value* content = at(answer, "content").as_object().if_contains(type);
  if (!content) return type + " is not in the contract";
  const json::value body = json_of(response);
  if (response.status >= 400) {
    const std::string codes = text(answer, "description");
    const std::regex word("\\b" + text(body, "code") + "\\b");
    if (!std::regex_search(codes, word)) return text(body, "code") + " is not in the contract";
  }
  return misfits(body, at(*content, "schema"));
}

}  // namespace

const json::value& openapi() {
  static const json::value document = parse_json(openapi_document().front().text).value();
  return document;
}

const json::value& openapi_part(std::string_view pointer) {
  WAYBILL_CHECK(pointer.starts_with("#/"), "references stay in the document");
  pointer.remove_prefix(2);
  const json::object* object = &openapi().as_object();
  for (;;) {
    const std::size_t slash = pointer.find('/');
    const json::value& part = object->at(pointer.substr(0, slash));
    if (slash == std::string_view::npos) return part;
    pointer.remove_prefix(slash + 1);
    object = &part.as_object();
  }
}

std::string misfits(const json::value& value, const json::value& given, std::string path) {
  static const std::set<std::string_view> known = {
      "type",     "required", "properties",      "additionalProperties", "items",  "enum",
      "const",    "pattern",  "minimum",         "description",          "format", "minItems",
      "examples", "maximum",  "exclusiveMinimum"};
  const json::object& schema = resolved(given).as_object();
  for (const auto& keyword : schema) {
    EXPECT_TRUE(known.contains(keyword.key())) << "misfits() does not know " << keyword.key();
  }
  const json::value* types = schema.if_contains("type");
  if (types && !is_of_types(value, *types)) {
    return fmt::format("{}: {} is not {}\n", path, write_json(value), write_json(*types));
  }
  std::string found = misfits_of_scalar(value, schema, path);
  if (value.is_object()) found += misfits_of_object(value.get_object(), schema, path);
  if (const json::value* items = schema.if_contains("items"); items && value.is_array()) {
    int index = 0;
    for (const json::value& item : value.get_array()) {
      found += misfits(item, *items, fmt::format("{}[{}]", path, index++));
    }
  }
  return found;
}

NativeApiTest::NativeApiTest() { ok(201, "POST", "/hub/v1/workspaces", R"({"slug": "acme"})"); }

net::Response NativeApiTest::call(std::string_view method, std::string_view target,
                                  std::string_view body, Headers headers) {
  const net::Response response = HubFixture::call(method, target, body, std::move(headers));
  if (const Operation* operation = operation_of(router, method, target)) {
    EXPECT_EQ(breaches(*operation, response), "") << method << " " << target << " " << body << "\n"
                                                  << response.body;
  }
  return response;
}

json::value NativeApiTest::ok(int status, std::string_view method, std::string_view target,
                              std::string_view body, Headers headers) {
  const net::Response response = call(method, target, body, std::move(headers));
  EXPECT_EQ(response.status, status) << method << " " << target << " " << body << "\n"
                                     << response.body;
  return json_of(response);
}

void NativeApiTest::refused(int status, std::string_view code, std::string_view path,
                            std::string_view method, std::string_view target, std::string_view body,
                            Headers headers) {
  const net::Response response = call(method, target, body, std::move(headers));
  const json::value problem = json_of(response);
  const std::string where = fmt::format("{} {} {}\n{}", method, target, body, response.body);
  EXPECT_EQ(response.status, status) << where;
  EXPECT_EQ(misfits(problem, openapi_part("#/components/schemas/Problem")), "") << where;
  if (!problem.is_object() || !problem.get_object().contains("code")) return;
  EXPECT_EQ(text(problem, "code"), code) << where;
  EXPECT_EQ(problem.get_object().contains("path") ? text(problem, "path") : "", path) << where;
}

HubFixture::Headers NativeApiTest::key_with(const std::vector<std::string>& scopes) {
  const json::object body{{"platform", "waybill"}, {"scopes", json::value_from(scopes)}};
  const json::value key = ok(201, "POST", "/hub/v1/workspaces/acme/keys", write_json(body));
  return {{"Authorization", "Bearer " + text(key, "key")}};
}

std::string NativeApiTest::new_endpoint(std::string_view dialect, std::string_view more) {
  const std::string body =
      fmt::format(R"({{"dialect": "{}", "url": "https://example.com/hook"{}{}}})", dialect,
                  more.empty() ? "" : ", ", more);
  return text(ok(201, "POST", "/hub/v1/workspaces/acme/endpoints", body), "id");
}

json::value NativeApiTest::publish(std::string_view type) {
  return ok(201, "POST", "/hub/v1/workspaces/acme/events",
            fmt::format(R"({{"type": "{}", "data": {{"sku": "4711"}}}})", type));
}

std::vector<std::string> NativeApiTest::audit_actions() {
  std::vector<std::string> actions;
  const json::value log = ok(200, "GET", "/hub/v1/workspaces/acme/audit?limit=200");
  for (const json::value& entry : at(log, "rows").as_array()) {
    actions.push_back(text(entry, "action"));
  }
  return actions;
}

}  // namespace waybill::surfaces::native
