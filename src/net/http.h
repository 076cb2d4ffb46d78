// An HTTP request and response as the hub sees them: plain values. The library that reads and
// writes them (Boost.Beast) stays inside http_server.cc and http_client.cc.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "net/header.h"

namespace waybill::net {

struct Request {
  std::string method;  // "GET"
  std::string path;    // Not decoded, without the query: "/hub/v1/workspaces".
  std::string query;   // Not decoded, without the "?".
  std::vector<Header> headers;
  std::string body;  // The exact bytes, of whatever transfer coding.
  std::string peer;  // The other end's address, without the port.
  // What it is called in the log and in the answer's X-Request-Id. Given by whoever routes it.
  std::string id;
  // Whose it is, as far as it is told from its key or signature: for the request log, which has a
  // row of each request that belongs to a workspace. No part of the request: noted by whoever finds
  // out (KeyDirectory, mostly), who has it to read alone.
  mutable std::optional<Uuid> workspace;
  mutable std::optional<Uuid> api_key;
  // What the route's {names} stood for, decoded. Filled by the Router.
  std::vector<std::pair<std::string_view, std::string>> params;

  // The first field called `name`, or nothing.
  std::optional<std::string_view> header(std::string_view name) const;
  // What {name} stood for. Requires: the route has it.
  const std::string& param(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::vector<Header> headers;
  std::string body;
  bool close = false;  // End the connection after this answer.
  // The stable word for what went wrong, for the request log; empty for a success. Not sent.
  std::string error_code = {};

  // With Content-Type.
  static Response with_body(int status, std::string_view content_type, std::string body);
  static Response json(int status, std::string body) {
    return with_body(status, "application/json", std::move(body));
  }
};

// The status an error is answered with, in one table: its Code's, but for the reasons that HTTP has
// a status of their own for: request_timeout, header_too_large, rate_limited.
int status_of(const Error& error);
// "Not Found"; "" for a code without a standard phrase.
std::string_view reason_phrase(int status);

// The query's parameters in order, decoded ("+" is a space).
// Fails with kInvalid (query_malformed).
Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);

// "application/json" of "Application/JSON; charset=utf-8".
std::string media_type(std::string_view content_type);

}  // namespace waybill::net
