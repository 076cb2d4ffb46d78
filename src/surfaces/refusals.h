// What every surface answers in its own shape: that there is nothing at an address.

#pragma once

#include <string_view>

#include "net/http.h"
#include "net/router.h"

namespace waybill::surfaces {

// How a surface writes a refusal: with the stable reason where it has room for one.
using RenderRefusal = net::Response (*)(int status, std::string_view reason,
                                        std::string_view message);

// 404, 405 with Allow, or 400 for a path that is not properly encoded.
net::Response refuse_miss(const net::Router::Miss& miss, RenderRefusal render);

}  // namespace waybill::surfaces
