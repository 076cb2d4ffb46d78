// What the tests of the native API share: a hub with a workspace, and calls whose answers are held
// against openapi.json, each of them.

#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/json.h"
#include "surfaces/hub_fixture.h"

namespace waybill::surfaces::native {

// The contract, parsed once.
const json::value& openapi();
// The part that `pointer` ("#/components/schemas/Endpoint") names.
const json::value& openapi_part(std::string_view pointer);

// What in `value` does not fit the schema, with its path, one for each line; empty if all does.
// Knows the keywords that openapi.json uses, and fails the test for any other.
std::string misfits(const json::value& value, const json::value& schema, std::string path = "$");

class NativeApiTest : public HubFixture {
 public:
  // With a workspace called "acme".
  NativeApiTest();

  // As HubFixture::call(). Fails the test if the contract does not have this answer: its status,
  // its members, and, for an error, its code.
  net::Response call(std::string_view method, std::string_view target, std::string_view body = {},
                     Headers headers = {});
  // The same, for what has to succeed with `status`: the answer's body.
  json::value ok(int status, std::string_view method, std::string_view target,
                 std::string_view body = {}, Headers headers = {});
  // The same, for what has to be refused. `path` is empty where the problem has none.
  void refused(int status, std::string_view code, std::string_view path, std::string_view method,
               std::string_view target, std::string_view body = {}, Headers headers = {});

  // The Authorization of a new key of the workspace "acme" with these scopes.
  Headers key_with(const std::vector<std::string>& scopes);
  // A new endpoint of "acme": its id. `more` are members to add: R"("secret": "…")".
  std::string new_endpoint(std::string_view dialect = "standard-webhooks",
                           std::string_view more = {});
  // Publishes an event of `type` to "acme": the answer.
  json::value publish(std::string_view type = "stock.low");
  // The actions in the audit log of "acme", newest first.
  std::vector<std::string> audit_actions();
};

// Goes down by names and indices: at(list, "rows", 0, "id"). Throws where there is no such part.
template <class First, class... Rest>
const json::value& at(const json::value& value, const First& first, const Rest&... rest) {
  const json::value* found = nullptr;
  if constexpr (std::is_integral_v<First>) {
    found = &value.as_array().at(static_cast<std::size_t>(first));
  } else {
    found = &value.as_object().at(std::string_view(first));
  }
  if constexpr (sizeof...(rest) == 0) {
    return *found;
  } else {
    return at(*found, rest...);
  }
}
// An object would be copied into a value that is gone at once.
template <class... Keys>
const json::value& at(const json::object& object, const Keys&... keys) = delete;
// The same, as text: a string itself, anything else as JSON.
template <class... Keys>
std::string text(const json::value& value, const Keys&... keys) {
  const json::value& found = at(value, keys...);
  return found.is_string() ? std::string(found.get_string()) : write_json(found);
}

}  // namespace waybill::surfaces::native
