// The contract and the table of operations say the same.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "model/api_key.h"
#include "surfaces/peptideclients/errors.h"
#include "surfaces/peptideclients/integration_api.h"

namespace waybill::surfaces::peptideclients {
namespace {

const json::value& contract() {
  static const json::value document = parse_json(integration_openapi()[0].text).value();
  return document;
}

// The value itself, a part of the contract, or what its $ref names.
const json::value& resolve(const json::value& value) {
  const json::value* named = &value;
  if (const json::value* reference = value.as_object().if_contains("$ref")) {
    named = &contract().at_pointer(std::string(reference->as_string()).substr(1));
  }
  return *named;
}

// What any request can be answered with, before it is known what it asks for.
const std::set<std::string_view> kAlways = {"request_timeout", "body_too_large",
                                            "headers_too_large", "internal_error", "unavailable"};
const std::set<std::string_view> kWithKey = {
    "invalid_request",   "missing_authorization", "invalid_api_key", "signature_missing",
    "signature_invalid", "signature_expired",     "ip_not_allowed",  "rate_limited"};
const std::set<std::string_view> kOfWrites = {"invalid_json", "idempotency_key_invalid",
                                              "insufficient_scope", "idempotency_conflict",
                                              "unsupported_media_type"};

std::set<std::string> codes_of(const Operation& operation) {
  std::set<std::string> codes(kAlways.begin(), kAlways.end());
  codes.insert(kWithKey.begin(), kWithKey.end());
  if (!operation.is_read()) codes.insert(kOfWrites.begin(), kOfWrites.end());
  codes.insert(operation.codes.begin(), operation.codes.end());
  return codes;
}

const ErrorCode& row_of(std::string_view code) {
  const auto row = std::ranges::find(error_codes(), code, &ErrorCode::code);
  EXPECT_NE(row, error_codes().end()) << code;
  return *row;
}

// The codes that an operation of the contract lists, each below its own status.
std::set<std::string> documented_codes(const json::value& operation) {
  std::set<std::string> codes;
  for (const auto& response : operation.at("responses").as_object()) {
    if (response.key().starts_with('2')) continue;
    const json::value& content = resolve(response.value()).at("content").at("application/json");
    EXPECT_EQ(content.at("schema").at("$ref").as_string(), "#/components/schemas/Error");
    for (const auto& example : content.at("examples").as_object()) {
      codes.insert(std::string(example.key()));
      EXPECT_EQ(std::to_string(row_of(example.key()).status), response.key()) << example.key();
      const json::value& value = resolve(example.value()).at("value");
      EXPECT_EQ(value.at("error").as_string(), example.key());
    }
  }
  return codes;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c | 0x20);
  return out;
}

TEST(IntegrationOpenApi, HasEveryOperationWithItsScopeAndItsCodes) {
  std::size_t documented = 0;
  for (const auto& path : contract().at("paths").as_object()) {
    documented += path.value().as_object().size();
  }
  // Beside the table: health, the contract itself, and WooCommerce's webhook.
  EXPECT_EQ(documented, operations().size() + 3);
  for (const Operation& operation : operations()) {
    const json::value& path = contract().at("paths").at(operation.path);
    const json::value& of = path.at(lower(operation.method));
    EXPECT_EQ(of.at("operationId").as_string(), operation.id);
    const json::value* scope = of.as_object().if_contains("x-scope");
    EXPECT_EQ(scope ? std::string_view(scope->as_string()) : std::string_view(), operation.scope);
    EXPECT_EQ(documented_codes(of), codes_of(operation)) << operation.id;
    const json::value* body = of.as_object().if_contains("requestBody");
    EXPECT_EQ(body != nullptr, operation.body != BodyRule::kNone) << operation.id;
    if (body) {
      EXPECT_EQ(body->at("required").as_bool(), operation.body == BodyRule::kRequired);
    }
    std::set<std::string> headers;
    for (const json::value& parameter : of.at("parameters").as_array()) {
      const json::value& told = resolve(parameter);
      if (told.at("in").as_string() == "header") {
        headers.insert(std::string(told.at("name").as_string()));
      } else {
        EXPECT_NE(operation.path.find(
                      fmt::format("{{{}}}", std::string_view(told.at("name").as_string()))),
                  std::string_view::npos)
            << operation.id;
      }
    }
    EXPECT_EQ(headers.contains("Idempotency-Key"), !operation.is_read()) << operation.id;
    EXPECT_TRUE(headers.contains("PC-Signature")) << operation.id;
  }
}

TEST(IntegrationOpenApi, WhatNeedsNoKeySaysSo) {
  for (const char* path : {"/integrations/v1/health", "/integrations/v1/openapi.json"}) {
    const json::value& of = contract().at("paths").at(path).at("get");
    EXPECT_TRUE(of.at("security").as_array().empty()) << path;
    EXPECT_EQ(documented_codes(of), std::set<std::string>(kAlways.begin(), kAlways.end())) << path;
  }
}

TEST(IntegrationOpenApi, TheErrorSchemaHasTheCodesThatAreDocumented) {
  std::set<std::string> documented;
  for (const auto& path : contract().at("paths").as_object()) {
    for (const auto& method : path.value().as_object()) {
      documented.merge(documented_codes(method.value()));
    }
  }
  std::set<std::string> listed;
  for (const json::value& code :
       contract().at_pointer("/components/schemas/Error/properties/error/enum").as_array()) {
    listed.insert(std::string(code.as_string()));
  }
  EXPECT_EQ(listed, documented);
}

TEST(IntegrationOpenApi, ScopesAreThoseThatKeysCanHave) {
  std::set<std::string_view> used;
  for (const Operation& operation : operations()) {
    if (!operation.scope.empty()) used.insert(operation.scope);
  }
  std::set<std::string_view> known;
  for (const model::Scope& scope :
       model::known_scopes(model::KeyPlatform::kPeptideClients, model::KeyKind::kIntegration)) {
    known.insert(scope.name);
  }
  EXPECT_EQ(used, known);
}

TEST(IntegrationOpenApi, NothingIsThereThatNobodyUses) {
  const std::string document = write_json(contract());
  for (const auto& kind : contract().at("components").as_object()) {
    if (kind.key() == "securitySchemes") continue;
    for (const auto& part : kind.value().as_object()) {
      const std::string reference = fmt::format(
          "\"#/components/{}/{}\"", std::string_view(kind.key()), std::string_view(part.key()));
      EXPECT_NE(document.find(reference), std::string::npos) << reference;
    }
  }
}

}  // namespace
}  // namespace waybill::surfaces::peptideclients
