// What the templates of a dialect may name. The loader parses them against these lists, and the
// functions of dialect.h fill scopes in the same order. dialects/README.md explains each name.

#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "dialect/template.h"

namespace waybill::dialect {

// One list for headers and bodies; each sees its own stretch of it.
enum EventVariable : std::size_t {
  kDeliveryId,  // Of an attempt: headers alone name these four, as a body is the same for all.
  kAttemptNumber,
  kAttemptRetryIndex,  // From 0 at the second try. The first is no retry, and has none.
  kAttemptSentAt,
  kType,  // The platform's name of the event.
  kEventId,
  kEventType,  // Canonical.
  kEventOccurredAt,
  kEventSubject,
  kEventData,  // Canonical.
  kWorkspaceSlug,
  kWorkspaceEnvironment,
  kData,  // As this dialect makes it: the envelope alone names it.
  kEventVariables,
};

inline constexpr std::array<Variable, kEventVariables> kVariables = {{
    {"delivery.id", Variable::Kind::kId},
    {"attempt.number", Variable::Kind::kNumber},
    {"attempt.retry_index", Variable::Kind::kNumber},
    {"attempt.sent_at", Variable::Kind::kTime},
    {"type", Variable::Kind::kText},
    {"event.id", Variable::Kind::kId},
    {"event.type", Variable::Kind::kText},
    {"event.occurred_at", Variable::Kind::kTime},
    {"event.subject", Variable::Kind::kText},
    {"event.data", Variable::Kind::kJson},
    {"workspace.slug", Variable::Kind::kText},
    {"workspace.environment", Variable::Kind::kText},
    {"data", Variable::Kind::kWholeJson},
}};

// The same stretch of a vocabulary and of its scope.
template <class T>
constexpr std::span<const T> header_stretch(const std::array<T, kEventVariables>& all) {
  return std::span(all).first(kData);
}
template <class T>
constexpr std::span<const T> data_stretch(const std::array<T, kEventVariables>& all) {
  return std::span(all).subspan(kType, kData - kType);
}
template <class T>
constexpr std::span<const T> envelope_stretch(const std::array<T, kEventVariables>& all) {
  return std::span(all).subspan(kType);
}

// [signature]: `signed`
enum SignedVariable : std::size_t { kSignedId, kSignedTimestamp, kSignedBody };
inline constexpr std::array<Variable, 3> kSignedVariables = {
    {{.name = "id"}, {.name = "timestamp"}, {.name = "body"}}};

// [signature]: `value`
enum SignatureVariable : std::size_t { kSignatureTimestamp, kSignatures };
inline constexpr std::array<Variable, 2> kSignatureVariables = {
    {{.name = "timestamp"}, {.name = "signatures"}}};

// [[signature.schemes]]: `text`
enum SchemeVariable : std::size_t { kSchemeHex, kSchemeBase64 };
inline constexpr std::array<Variable, 2> kSchemeVariables = {{{.name = "hex"}, {.name = "base64"}}};

// [receipt]: what was received. `key` and `environment` see what `type` and `id` have made, too,
// and [receipt.fetch] the source's settings.
enum ReceivedVariable : std::size_t {
  kReceivedSettings,
  kReceivedDigest,
  kReceivedBody,
  kReceivedHeader,
  kReceivedType,
  kReceivedId,
  kReceivedVariables,
};
inline constexpr std::array<Variable, kReceivedVariables> kReceived = {{
    {"settings", Variable::Kind::kJson},
    {"digest", Variable::Kind::kText},
    {"body", Variable::Kind::kJson},
    {"header", Variable::Kind::kJson},
    {"type", Variable::Kind::kText},
    {"id", Variable::Kind::kText},
}};
template <class T>
constexpr std::span<const T> request_stretch(const std::array<T, kReceivedVariables>& all) {
  return std::span(all).subspan(kReceivedDigest, kReceivedType - kReceivedDigest);
}
template <class T>
constexpr std::span<const T> message_stretch(const std::array<T, kReceivedVariables>& all) {
  return std::span(all).subspan(kReceivedDigest);
}
template <class T>
constexpr std::span<const T> fetch_stretch(const std::array<T, kReceivedVariables>& all) {
  return std::span(all).first(kReceivedId);
}

}  // namespace waybill::dialect
