// What the integration API can do, as one table. An operation is read from its request first, and
// then performed within one unit of the database: so a body that cannot be read has had no effect,
// and what is decided by what is stored is decided once.

#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "intake/sales.h"
#include "model/api_key.h"
#include "model/trade.h"
#include "net/http.h"
#include "store/connection.h"

namespace waybill::surfaces::peptideclients {

// A request as an operation reads it. `body` has no members where the request has no body.
struct Input {
  const net::Request& request;
  const json::object& body;
  const model::ApiKey& key;
  const model::Store& store;  // Of the key.
};

// What an operation works with inside the unit.
struct Work {
  store::Connection& connection;
  intake::SalesUnit& sales;  // Begun, but not for a read.
  const model::Store& store;
};

struct Answer {
  int status = 200;
  std::string body;  // JSON.
};

// May be called more than once (store/database.h). What it fails with has written nothing, unless
// the connection is broken.
using Perform = std::function<Result<Answer>(Work& work)>;

enum class BodyRule { kNone, kOptional, kRequired };

struct Operation {
  std::string_view id;  // Of the contract, integration_openapi.json.
  std::string_view method;
  std::string_view path;
  std::string_view scope;  // Empty: any key of the API.
  BodyRule body;
  // The codes of the error table that performing or reading it can end with, beside those that any
  // request can be answered with.
  std::span<const std::string_view> codes;
  // Fails with what is wrong with the request.
  Result<Perform> (*read)(const Input& input);

  bool is_read() const { return method == "GET"; }
};

// Health and the contract, which need no key, are not among them.
std::span<const Operation> operations();

}  // namespace waybill::surfaces::peptideclients
