#include "bench/ledger/webhook.h"

#include <utility>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/check.h"

namespace waybill::bench {
namespace json = boost::json;
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";
constexpr std::string_view kEvent = "order.created";

void append_hex(std::string& text, unsigned char byte) {
  text += kDigits[byte >> 4];
  text += kDigits[byte & 15];
}

std::string_view text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

// "2026-11-21T04:30:00.123Z"
bool is_time(std::string_view text) {
  constexpr std::string_view kShape = "0000-00-00T00:00:00.000Z";
  if (text.size() != kShape.size()) return false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool digit = text[at] >= '0' && text[at] <= '9';
    if (kShape[at] == '0' ? !digit : text[at] != kShape[at]) return false;
  }
  return true;
}

std::expected<Webhook, std::string> read_members(const json::value& body) {
  const auto wrong = [](std::string_view what) { return std::unexpected(std::string(what)); };
  const json::object* root = body.if_object();
  const json::value* data = root ? root->if_contains("data") : nullptr;
  const json::value* order =
      data && data->is_object() ? data->as_object().if_contains("order") : nullptr;
  if (!order || !order->is_object()) return wrong("the body has no data.order");
  const json::object& members = order->get_object();
  const auto event_id = parse_id(text_of(*root, "id"));
  const auto order_id = parse_id(text_of(members, "id"));
  if (!event_id) return wrong("the event's id is no UUID");
  if (!order_id) return wrong("the order's id is no UUID");
  if (text_of(*root, "type") != kEvent) return wrong("the type is not order.created");
  if (!is_time(text_of(*root, "time"))) return wrong("the time is not written as documented");
  if (!parse_id(text_of(members, "supplierId"))) return wrong("the supplier's id is no UUID");
  const json::value* lines = members.if_contains("linesCount");
  if (!lines || !lines->is_int64()) return wrong("linesCount is no number");
  return Webhook{.event_id = *event_id,
                 .order_id = *order_id,
                 .workspace = text_of(*root, "workspace"),
                 .number = text_of(members, "orderNumber"),
                 .supplier_name = text_of(members, "supplierName"),
                 .status = text_of(members, "status"),
                 .lines = static_cast<int>(lines->get_int64())};
}

}  // namespace

// A tree of values lives in the memory of one resource, so both are made anew for each body.
struct Verifier::Parsed {
  explicit Parsed(std::array<unsigned char, 16 * 1024>& memory)
      : resource(memory.data(), memory.size()) {}
  json::monotonic_resource resource;
  json::value body;
};

std::optional<Id> parse_id(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  Id id{};
  std::size_t digits = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (at == 8 || at == 13 || at == 18 || at == 23) {
      if (text[at] != '-') return std::nullopt;
      continue;
    }
    const auto digit = kDigits.find(text[at]);
    if (digit == std::string_view::npos) return std::nullopt;
    id[digits / 2] = static_cast<unsigned char>(id[digits / 2] * 16U + digit);
    ++digits;
  }
  return id;
}

std::string id_text(const Id& id) {
  std::string text;
  for (std::size_t at = 0; at < id.size(); ++at) {
    if (at == 4 || at == 6 || at == 8 || at == 10) text += '-';
    append_hex(text, id[at]);
  }
  return text;
}

void Verifier::Free::operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }

Verifier::Verifier(std::string_view secret) {
  WAYBILL_CHECK(!secret.empty(), "an unsigned webhook proves nothing");
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  mac_.reset(EVP_MAC_CTX_new(mac));
  EVP_MAC_free(mac);
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                               OSSL_PARAM_construct_end()};
  const auto* key = reinterpret_cast<const unsigned char*>(secret.data());
  WAYBILL_CHECK(mac_ && EVP_MAC_init(mac_.get(), key, secret.size(), params) == 1,
                "OpenSSL has HMAC-SHA256");
}

Verifier::~Verifier() = default;

std::string Verifier::sign(std::string_view body) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  std::size_t size = 0;
  // Without a key: begins anew with the one it has.
  WAYBILL_CHECK(EVP_MAC_init(mac_.get(), nullptr, 0, nullptr) == 1 &&
                    EVP_MAC_update(mac_.get(), reinterpret_cast<const unsigned char*>(body.data()),
                                   body.size()) == 1 &&
                    EVP_MAC_final(mac_.get(), digest, &size, sizeof digest) == 1,
                "OpenSSL computes an HMAC");
  std::string text = "sha256=";
  for (std::size_t at = 0; at < size; ++at) append_hex(text, digest[at]);
  return text;
}

std::expected<Webhook, std::string> Verifier::read(std::string_view event_header,
                                                   std::string_view signature_header,
                                                   std::string_view body) {
  if (event_header != kEvent) {
    return std::unexpected(fmt::format("X-ProcuLink-Event is '{}'", event_header));
  }
  const std::string signature = sign(body);
  if (signature.size() != signature_header.size() ||
      CRYPTO_memcmp(signature.data(), signature_header.data(), signature.size()) != 0) {
    return std::unexpected("X-ProcuLink-Signature is not the body's");
  }
  parsed_ = std::make_unique<Parsed>(memory_);
  boost::system::error_code error;
  parsed_->body = json::parse(body, error, &parsed_->resource);
  if (error) return std::unexpected("the body is no JSON");
  return read_members(parsed_->body);
}

}  // namespace waybill::bench
