// Reads and verifies webhooks as ProcuLink documents them (docs/platforms/proculink.md), with
// OpenSSL and Boost.JSON alone: nothing here is Waybill's own code, so no mistake of the hub can
// hide itself by being made twice.

#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <openssl/types.h>

namespace waybill::bench {

using Id = std::array<unsigned char, 16>;

// The bytes of a UUID written as usual, in lower case. Nothing if it is not one.
std::optional<Id> parse_id(std::string_view text);
std::string id_text(const Id& id);

// What of a webhook's body has been posted, or can be told from it.
struct Webhook {
  Id event_id{};
  Id order_id{};
  std::string_view workspace;
  std::string_view number;
  std::string_view supplier_name;
  std::string_view status;
  int lines = 0;
};

class Verifier {
 public:
  // Requires: `secret` is not empty.
  explicit Verifier(std::string_view secret);
  ~Verifier();
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  // The webhook, or what is wrong with it, in words. Its views live until the next call, and as
  // long as this.
  std::expected<Webhook, std::string> read(std::string_view event_header,
                                           std::string_view signature_header,
                                           std::string_view body);

  // "sha256=" and the HMAC of `body` in lower-case hex.
  std::string sign(std::string_view body);

 private:
  struct Free {
    void operator()(EVP_MAC_CTX* context) const;
  };

  std::unique_ptr<EVP_MAC_CTX, Free> mac_;
  std::array<unsigned char, 16 * 1024> memory_;
  struct Parsed;
  std::unique_ptr<Parsed> parsed_;
};

}  // namespace waybill::bench
