// What every surface answers in its own shape: that there is nothing at an address.

#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/result.h"
#include "net/http.h"
#include "net/router.h"

namespace waybill::surfaces {

// How a surface writes a refusal: with the stable reason where it has room for one.
using RenderRefusal = net::Response (*)(int status, std::string_view reason,
                                        std::string_view message);

// What a caller is told. Of a database that cannot be used no more than that: where it is, and why,
// is in the log, and anybody may ask.
std::string_view told(const Error& error);

// The same, after the path of what it is about, if there is one: for shapes that have no member
// for a path.
std::string told_with_path(const Error& error);

// Notes in the log what the caller is told no more of than that it was inside the hub.
void log_refusal(Log& log, const net::Request& request, std::string_view operation,
                 const Error& error);

// Puts `wait` into the Retry-After of an answer that has one; else it changes nothing.
void set_retry_after(net::Response& response, std::chrono::seconds wait);

// 404, 405 with Allow, or 400 for a path that is not properly encoded.
net::Response refuse_miss(const net::Router::Miss& miss, RenderRefusal render);

}  // namespace waybill::surfaces
