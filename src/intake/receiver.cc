#include "intake/receiver.h"

#include <algorithm>
#include <array>
#include <utility>

#include "crypto/digest.h"
#include "store/messages.h"

namespace waybill::intake {
namespace {

using dialect::Environment;

bool is_any_of(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::any_of(
      names, [&](std::string_view one) { return net::same_header_name(name, one); });
}

bool begins_with(std::string_view name, std::string_view beginning) {
  return name.size() >= beginning.size() &&
         net::same_header_name(name.substr(0, beginning.size()), beginning);
}

// Of the connection (RFC 9110 §7.6.1), of proxies, or what lets its bearer in.
bool is_left_out(std::string_view name) {
  static constexpr auto kNames = std::to_array<std::string_view>(
      {"Authorization", "Connection", "Content-Length", "Cookie", "Expect", "Forwarded", "Host",
       "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Via", "X-Real-IP"});
  return is_any_of(name, kNames) || begins_with(name, "Proxy-") ||
         begins_with(name, "X-Forwarded-");
}

bool is_of_signature(std::string_view name, const dialect::Dialect& dialect) {
  if (!dialect.signature) return false;
  const dialect::SignatureRules& rules = *dialect.signature;
  const std::array<std::string_view, 4> names = {rules.header, rules.rotation_header,
                                                 rules.timestamp_header, rules.id_header};
  return is_any_of(name, names);
}

Result<void> check_environment(const OpenSource& source, Environment sent_from) {
  const bool production = source.environment == "production";
  if (sent_from == Environment::kUnknown) return {};
  if ((sent_from == Environment::kProduction) == production) return {};
  return fail(Code::kForbidden, "environment_mismatch",
              "The message is not from the environment that this address is for.");
}

Result<Receipt> make_answer(Receipt::Kind kind, const dialect::ReceiptAnswer& answer,
                            const dialect::ReceivedRequest& request) {
  auto body = dialect::render_answer(answer, request);
  if (!body) return fail(body.error());
  Receipt receipt;
  receipt.kind = kind;
  receipt.status = answer.status;
  receipt.content_type = answer.content_type;
  receipt.body = *std::move(body);
  return receipt;
}

Result<std::optional<Receipt>> ping_answer(const dialect::Dialect& dialect,
                                           const dialect::ReceivedRequest& request,
                                           bool is_signed) {
  const dialect::PingRule* ping = dialect::find_ping(*dialect.receipt, request, is_signed);
  if (!ping) return std::nullopt;
  auto receipt = make_answer(Receipt::Kind::kPing, ping->answer, request);
  if (!receipt) return fail(receipt.error());
  return *std::move(receipt);
}

}  // namespace

std::vector<net::Header> kept_headers(std::span<const net::Header> headers,
                                      const dialect::Dialect& dialect) {
  std::vector<net::Header> kept;
  std::size_t bytes = 0;
  for (const bool of_signature : {true, false}) {
    for (const net::Header& header : headers) {
      if (is_of_signature(header.name, dialect) != of_signature) continue;
      if (is_left_out(header.name)) continue;
      const std::size_t size = header.name.size() + header.value.size();
      if (kept.size() == Receiver::kHeadersMax || bytes + size > Receiver::kHeaderBytesMax) {
        continue;
      }
      bytes += size;
      kept.push_back(header);
    }
  }
  return kept;
}

std::vector<Secret> OpenSource::secrets_at(Timestamp now) const {
  std::vector<Secret> valid;
  for (const Key& key : keys) {
    if (!key.expires_at || now < *key.expires_at) valid.push_back(key.secret);
  }
  return valid;
}

// Everything that is made before the unit runs, so that the unit can run again.
struct Receiver::Draft {
  model::Message message;
  model::Event event;
  Timestamp remembered_since{};
};

Result<void> Receiver::verify(const OpenSource& source, const Delivered& delivered) const {
  if (!source.dialect->signature) return {};
  const std::vector<Secret> secrets = source.secrets_at(clock_.now());
  if (secrets.empty()) {
    return fail(Code::kUnavailable, "secret_missing",
                "There is no secret to verify with yet: nothing can be received here.");
  }
  return dialect::verify(*source.dialect, delivered.headers, delivered.body, secrets,
                         clock_.wall_now(), source.source.settings.tolerance);
}

Result<std::optional<Receipt>> Receiver::answer_ping(const dialect::Dialect& dialect,
                                                     const Delivered& delivered) const {
  const dialect::ReceivedRequest request(delivered.headers, delivered.body);
  return ping_answer(dialect, request, /*is_signed=*/false);
}

Receiver::Draft Receiver::draft_of(const OpenSource& source, const Delivered& delivered,
                                   dialect::ReceivedMessage read) const {
  const Timestamp now = clock_.now();
  const crypto::Digest key = crypto::sha256(read.key);
  const crypto::Digest hash = crypto::sha256(delivered.body);
  Draft draft;
  model::Message& message = draft.message;
  message.id = ids_.next_id<model::MessageId>();
  message.workspace_id = source.source.workspace_id;
  message.source_id = source.source.id;
  message.external_id = std::move(read.id);
  message.type = std::move(read.type);
  message.key.assign(key.begin(), key.begin() + model::Message::kKeyBytes);
  message.body_hash.assign(hash.begin(), hash.end());
  message.body_bytes = std::ssize(delivered.body);
  message.address = delivered.address;
  message.received_at = now;

  model::MessageContent content;
  content.id = message.id;
  content.source = source.source.name;
  content.dialect = source.source.dialect;
  content.type = message.type;
  content.external_id = message.external_id;
  content.received_at = now;
  if (const auto* type = net::find_header(delivered.headers, "Content-Type")) {
    content.content_type = *type;
  }
  content.headers = kept_headers(delivered.headers, *source.dialect);
  content.body = delivered.body;

  draft.event.id = message.event_id();
  draft.event.workspace_id = message.workspace_id;
  draft.event.type = model::kMessageReceived;
  draft.event.occurred_at = now;
  draft.event.subject = message.source_id.text();
  draft.event.data = model::message_data(content);
  draft.event.trace = delivered.trace;
  draft.remembered_since =
      now - source.dialect->receipt->window.value_or(source.source.settings.remember);
  return draft;
}

Task<Result<Receipt>> Receiver::receive(std::shared_ptr<const OpenSource> source,
                                        Delivered delivered, LeaseTerms terms) {
  const dialect::Dialect& dialect = *source->dialect;
  const dialect::ReceivedRequest request(delivered.headers, delivered.body);
  for (const bool is_signed : {false, true}) {
    if (is_signed) WAYBILL_CO_TRY(verify(*source, delivered));
    auto ping = ping_answer(dialect, request, is_signed);
    if (!ping) co_return fail(ping.error());
    if (!*ping) continue;
    count(**ping);
    co_return **std::move(ping);
  }
  auto read = dialect::read_message(*dialect.receipt, request);
  if (!read) co_return fail(read.error());
  WAYBILL_CO_TRY(check_environment(*source, read->environment));
  auto answer = make_answer(Receipt::Kind::kNew, dialect.receipt->answer, request);
  if (!answer) co_return fail(answer.error());

  const Draft draft = draft_of(*source, delivered, *std::move(read));
  auto stored = co_await database_.run(
      [&](store::Connection& connection) { return store(connection, draft, terms); },
      store::Priority::kNew, store::lock_order(draft.message.key));
  if (!stored) co_return fail(stored.error());
  stored->type = draft.message.type;
  stored->status = answer->status;
  stored->content_type = std::move(answer->content_type);
  stored->body = std::move(answer->body);
  count(*stored);
  co_return stored;
}

Result<Receipt> Receiver::store(store::Connection& connection, const Draft& draft,
                                const LeaseTerms& terms) const {
  const auto known = store::messages::insert(connection, draft.message, draft.remembered_since);
  if (!known) return fail(known.error());
  Receipt receipt;
  if (*known) {
    receipt.kind = Receipt::Kind::kDuplicate;
    receipt.message = (*known)->id;
    receipt.differs = (*known)->body_hash != draft.message.body_hash;
    return receipt;
  }
  auto accepted = acceptance_.accept(connection, draft.event, terms, draft.message.received_at);
  if (!accepted) return fail(accepted.error());
  receipt.message = draft.message.id;
  receipt.accepted = *std::move(accepted);
  return receipt;
}

void Receiver::count(const Receipt& receipt) {
  switch (receipt.kind) {
    case Receipt::Kind::kNew: ++counters_.accepted; break;
    case Receipt::Kind::kDuplicate: ++counters_.duplicates; break;
    case Receipt::Kind::kPing: ++counters_.pings; break;
  }
  if (receipt.differs) ++counters_.differing;
}

}  // namespace waybill::intake
