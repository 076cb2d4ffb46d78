// The Receiver takes in what a foreign platform sends to a Source: it verifies the exact bytes,
// then writes message, event and deliveries in one transaction, then lets them be answered. Once
// each, however often a message comes (R-PQ-35 … R-PQ-49).
//
// Promises:
//
//  1. What is answered with success is durable, with a delivery for each handler that wants it.
//  2. The same message, by the platform's id of it or else by what identifies it, is handled once
//     within the time for which it is remembered. A repeat is answered like the first one, and
//     noted.
//  3. A message counts as processed when its handler has succeeded, and never before (A-PQ-5): its
//     delivery says so, not its receipt.
//  4. Nothing of a secret or an expected signature is in an answer, an error or a log line.
//
// Used from the thread of the io_context only.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/secret.h"
#include "base/task.h"
#include "dialect/dialect.h"
#include "intake/acceptance.h"
#include "model/message.h"
#include "model/source.h"
#include "model/trace_context.h"
#include "store/database.h"

namespace waybill::intake {

// A source, ready to be sent to. Immutable; replaced when it changes.
struct OpenSource {
  struct Key {
    Secret secret;
    std::optional<Timestamp> expires_at;  // Verifies nothing from then on. Nothing: it stays.
  };
  model::Source source;
  std::string environment;                    // Its workspace's: "production" or "sandbox".
  const dialect::Dialect* dialect = nullptr;  // It has a `receipt`.
  std::vector<Key> keys;                      // Newest first.
  std::size_t asymmetric_keys = 0;            // Of these: they take far longer to verify with.

  std::vector<Secret> secrets_at(Timestamp now) const;
};

struct Delivered {  // What came over HTTP. Everything outlives the call.
  std::span<const net::Header> headers;
  std::string_view body;
  std::string address;  // Of the sender.
  model::TraceContext trace = {};
};

// What came of it.
struct Receipt {
  enum class Kind { kNew, kDuplicate, kPing };
  Kind kind = Kind::kNew;
  std::optional<model::MessageId> message;  // Of the first one, for a duplicate. None for a ping.
  std::string type;                         // The platform's.
  bool differs = false;                     // A duplicate with another body.
  // What the dialect answers; the same for a duplicate.
  int status = 200;
  std::string content_type;
  std::string body;
  Accepted accepted;  // Of a new one: to be handed over to the dispatcher.
};

struct ReceiverCounters {
  std::uint64_t accepted = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t differing = 0;  // Of the duplicates: with another body.
  std::uint64_t pings = 0;
};

class Receiver {
 public:
  // What is kept of the headers. The signature's come first.
  static constexpr std::size_t kHeadersMax = 64;
  static constexpr std::size_t kHeaderBytesMax = 16 * 1024;

  // Everything given outlives it.
  Receiver(const Clock& clock, IdGenerator& ids, store::Database& database,
           const Acceptance& acceptance)
      : clock_(clock), ids_(ids), database_(database), acceptance_(acceptance) {}

  // Fails with kUnauthenticated as dialect::verify(); kForbidden (environment_mismatch) for what
  // was sent from the other environment (R-PQ-47); kUnavailable (secret_missing) for a source that
  // has no secret yet (R-PQ-37: answered 500); kInvalid (message_unfit) for what is no message of
  // the dialect; or as Database::run().
  Task<Result<Receipt>> receive(std::shared_ptr<const OpenSource> source, Delivered delivered,
                                LeaseTerms terms);

  // As dialect::verify(), with the secrets and the tolerance of `source`, and kUnavailable
  // (secret_missing).
  Result<void> verify(const OpenSource& source, const Delivered& delivered) const;

  // The answer to what `dialect` sends, unsigned, to try an address out; nothing: it is none.
  // Fails as dialect::render_answer().
  Result<std::optional<Receipt>> answer_ping(const dialect::Dialect& dialect,
                                             const Delivered& delivered) const;

  const ReceiverCounters& counters() const { return counters_; }

 private:
  struct Draft;

  Result<Receipt> store(store::Connection& connection, const Draft& draft,
                        const LeaseTerms& terms) const;
  Draft draft_of(const OpenSource& source, const Delivered& delivered,
                 dialect::ReceivedMessage read) const;
  void count(const Receipt& receipt);

  const Clock& clock_;
  IdGenerator& ids_;
  store::Database& database_;
  const Acceptance& acceptance_;
  ReceiverCounters counters_;
};

// Those of `headers` that are kept of a message of `dialect`: all but what belongs to the
// connection, to what stands between, or lets its bearer in.
std::vector<net::Header> kept_headers(std::span<const net::Header> headers,
                                      const dialect::Dialect& dialect);

}  // namespace waybill::intake
