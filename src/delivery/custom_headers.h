// The headers of its own that an endpoint is sent with each request: "Authorization", a gateway's
// key, a tenant. What they say may be a secret: it is stored sealed, and never shown again.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "crypto/secret_box.h"
#include "dialect/dialect.h"
#include "model/endpoint.h"

namespace waybill::delivery {

inline constexpr std::size_t kCustomHeadersMax = 20;
inline constexpr std::size_t kHeaderNameMax = 100;     // Characters.
inline constexpr std::size_t kHeaderValueMax = 1'000;  // Characters.
// What is shown instead of a value; so it is no value.
inline constexpr std::string_view kHeaderMask = "***";

struct CustomHeader {
  std::string name;
  Secret value;

  friend bool operator==(const CustomHeader&, const CustomHeader&) = default;
};

// Whether endpoints of `dialect` may be sent with this header.
//
// Fails with kInvalid: header_invalid for what cannot be a header's name or value, or is the mask;
// header_forbidden for what belongs to the connection, to the body, to the trace of a request or to
// the dialect, for "User-Agent", and for the headers by which metadata services of clouds know that
// somebody means them. docs/operating.md lists them. No message holds the value.
Result<void> check_custom_header(const dialect::Dialect& dialect, const CustomHeader& header);

// Sealed for the endpoint; nothing for none.
model::SealedHeaders seal_headers(const crypto::SecretBox& secret_box,
                                  const std::vector<CustomHeader>& headers,
                                  const model::EndpointId& endpoint);
// Fails as SecretBox::open().
Result<std::vector<CustomHeader>> open_headers(const crypto::SecretBox& secret_box,
                                               const model::SealedHeaders& headers,
                                               const model::EndpointId& endpoint);

}  // namespace waybill::delivery
