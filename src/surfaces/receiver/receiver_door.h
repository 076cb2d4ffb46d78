// The door that foreign platforms send their webhooks to (R-PQ-35 … R-PQ-49):
//
//   POST /in/{token}            of the Source that has the token
//   POST /webhooks/{platform}   of the one Source of that dialect that has the secret it was signed
//                               with; only for dialects that sign
//
// A success is answered as the dialect says, once all is durable. What is refused is told as
// {"error": a stable word, "detail": a sentence}: 401 for whatever is wrong with a signature, and
// nothing of what would have been right; 403 for a message of the other environment; 404 for an
// address of nothing; 409 where several sources of a platform have the secret; 413; 429; 500 where
// a source, or every one of a platform, has no secret yet; 503 with Retry-After where it
// is the hub that cannot.
//
// Whatever is properly signed is taken in at any rate. What is not costs its sender: each other end
// may have so many bytes hashed a second in vain (surfaces/hash_budget.h).
//
// Used from the thread of the io_context only.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/log.h"
#include "base/task.h"
#include "delivery/dispatcher.h"
#include "dialect/loader.h"
#include "intake/receiver.h"
#include "net/router.h"
#include "surfaces/hash_budget.h"
#include "surfaces/receiver/source_watch.h"
#include "surfaces/source_directory.h"

namespace waybill::surfaces::receiver {

// What the door works with. Everything outlives it.
struct Services {
  const Clock& clock;
  Log& log;
  const dialect::DialectRegistry& dialects;
  SourceDirectory& sources;
  intake::Receiver& receiver;
  delivery::Dispatcher& dispatcher;
  SourceWatch& watch;
};

struct DoorCounters {
  std::uint64_t refused = 0;             // Whatever for, but for what the hub cannot do now.
  std::uint64_t signature_failures = 0;  // Of those.
};

class ReceiverDoor {
 public:
  // Refusals in the log, of those within a second: whoever sends many does not fill the disk.
  static constexpr int kNotedPerSecond = 20;

  // Of so many sources of a platform, each is told of what nobody has signed for the platform. Of
  // more, a fault is nobody's.
  static constexpr std::size_t kBlamedMax = 8;

  explicit ReceiverDoor(Services services) : services_(services) {}

  // The door outlives the router.
  void add_routes(net::Router& router);

  const DoorCounters& counters() const { return counters_; }

  static bool serves(std::string_view path);
  static net::Response render_error(const Error& error);
  static net::Response render_miss(const net::Router::Miss& miss);

 private:
  using Source = SourceDirectory::Source;

  Task<net::Response> answer_token(net::Request& request);
  Task<net::Response> answer_platform(net::Request& request);
  // As SourceDirectory::find(), or with kUnavailable (rate_limited).
  Task<Result<Source>> find(const net::Request& request);
  // The one whose secret `request` was signed with.
  // Fails as SourceDirectory::of_dialect(), with kUnauthenticated (signature_mismatch), kNotFound
  // (source_not_found), kConflict (source_ambiguous), or with kUnavailable: secret_missing,
  // rate_limited.
  Task<Result<Source>> search(const net::Request& request, const dialect::Dialect& dialect);
  // Nobody with a secret of a source of `dialect` has signed what came from `address`.
  Task<void> note_failure(std::string dialect, std::string address);
  Task<net::Response> receive(const net::Request& request, Source source);
  // `source`: which one it was for, where that is known.
  net::Response refuse(const net::Request& request, const Error& error,
                       std::string_view source = {});
  // Why, in the log: the answer tells little, and there is no row in a request log without a
  // source.
  void note_refusal(const net::Request& request, const Error& error, std::string_view source);
  // Fails with kUnavailable (rate_limited). `own`: what the search that asks has spent already.
  Result<void> check_budget(const std::string& other_end, std::int64_t own = 0) const;

  const Services services_;
  HashBudget budget_;
  DoorCounters counters_;
  Timestamp noted_since_{};
  int noted_ = 0;  // Refusals since then.
};

}  // namespace waybill::surfaces::receiver
