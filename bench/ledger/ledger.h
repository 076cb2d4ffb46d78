// The Ledger is what a sender should have kept: every order that was posted and what became of it,
// and every webhook that came and whose it was. It compares the two and reports
//
//   lost         acknowledged, and an endpoint that takes everything never received it
//   duplicated   received again, with the same event id, after it had been taken
//   corrupted    badly signed, or not saying what was posted
//   invented     of an order that nobody posted or that was refused, or a second event of one
//
// It counts and compares; it neither posts nor receives, so every judgement can be tested. One
// thread.

#pragma once

#include <cstdint>
#include <deque>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bench/ledger/histogram.h"
#include "bench/ledger/moment.h"
#include "bench/ledger/webhook.h"

namespace waybill::bench {

// Which order: of which load, and the how manieth.
struct OrderKey {
  std::uint32_t load = 0;
  std::uint32_t index = 0;
  friend bool operator==(const OrderKey&, const OrderKey&) = default;
};

// What of one load's orders has come to one group of endpoints.
struct Receipts {
  struct Cell {
    std::uint16_t tries = 0;
    std::uint16_t taken = 0;
  };
  std::deque<Cell> cells;  // Order by order, one for each endpoint of the group.
  std::uint64_t distinct = 0;
  Histogram latency;  // From when the order was to be posted until it was first taken.
  Moment first, last;
};

// Endpoints that are told apart only to see what each lacks: NAME, or NAME.0, NAME.1 and so on.
struct Group {
  std::string name;
  std::uint32_t members = 1;
  std::uint64_t tries = 0, taken = 0, duplicated = 0, corrupted = 0, invented = 0;
  std::uint64_t duplicates_most = 0;  // Of one order at one endpoint.
  std::map<std::uint32_t, Receipts> receipts;
};

struct Order {
  enum class State : std::uint8_t { kPosting, kAcknowledged, kRefused, kUnresolved };
  Moment intended;
  Id order_id{};  // As soon as the answer or a webhook names it.
  Id event_id{};
  State state = State::kPosting;
  bool has_order_id = false, has_event_id = false;
};

struct Load {
  std::string name, workspace, supplier;
  std::vector<std::uint32_t> groups;  // Each endpoint of these is to receive every order.
  std::deque<Order> orders;
  std::uint64_t acknowledged = 0, replayed = 0, unresolved = 0, contradicted = 0;
  std::uint64_t refused_without_retry_after = 0, reposted = 0;
  std::uint64_t deferred = 0, deferred_without_retry_after = 0;  // Posts that one node refused.
  std::map<int, std::uint64_t> refused;                          // By status …
  std::map<int, std::string> refusals;  // … and what the first of each said.
  Histogram latency;                    // From when it was to be posted until it was acknowledged.
  Moment first, last;                   // The first post, the last acknowledgement.
};

class Ledger {
 public:
  // A run's orders are named by it, so that no former run's webhook passes for one of this.
  explicit Ledger(std::string run);

  std::uint32_t add_group(std::string name, std::uint32_t members);
  std::uint32_t add_load(std::string name, std::string workspace, std::string supplier,
                         std::vector<std::uint32_t> groups);
  // Appends "NUMBER ID" for each order that is acknowledged to a file. False if it cannot be made.
  bool keep_journal(const std::string& path);

  // --- Posting ---------------------------------------------------------------------------------
  OrderKey begin(std::uint32_t load, Moment intended);
  std::string number_of(OrderKey key) const;
  static constexpr int kLinesMax = 3;
  static int lines_of(std::uint32_t index) { return static_cast<int>(index % kLinesMax) + 1; }
  void acknowledge(OrderKey key, const Id& order_id, bool replay, Moment now);
  void refuse(OrderKey key, int status, bool has_retry_after, std::string_view why);
  void give_up(OrderKey key);
  void repost(OrderKey key) { ++loads_[key.load].reposted; }
  // One node answered 503; another will be asked.
  void defer(OrderKey key, bool has_retry_after);
  // A connection died, or could not be made: an outage begins, and the next acknowledgement ends
  // it.
  void broken(Moment now);

  // --- Receiving -------------------------------------------------------------------------------
  struct Try {
    enum class Verdict { kGood, kCorrupted, kInvented };
    Verdict verdict = Verdict::kGood;
    OrderKey key;
    int number = 0;  // The first is 1.
  };
  // Judges a webhook that has come to an endpoint; not yet taken.
  Try judge(std::uint32_t group, std::uint32_t member,
            const std::expected<Webhook, std::string>& read);
  // Notes that a good one was answered with success.
  void take(std::uint32_t group, std::uint32_t member, const Try& attempt, Moment now);

  // --- What it says ----------------------------------------------------------------------------
  // Acknowledged orders that `member` of the group has not taken; the first few into `examples`.
  std::uint64_t lost(std::uint32_t group, std::vector<std::string>* examples = nullptr) const;
  // Webhooks taken of orders that were refused.
  std::uint64_t refused_yet_received(std::uint32_t group) const;
  bool everything_has_come(std::uint32_t group) const;

  const std::deque<Group>& groups() const { return groups_; }
  const std::deque<Load>& loads() const { return loads_; }
  const std::vector<std::pair<Moment, std::optional<Moment>>>& outages() const { return outages_; }
  // The first few things that were wrong, in words.
  const std::vector<std::string>& complaints() const { return complaints_; }

 private:
  struct IdHash {
    std::size_t operator()(const Id& id) const;
  };

  std::optional<OrderKey> find(std::string_view number) const;
  // What of the webhook is not as it was posted; empty if nothing.
  std::string compare(OrderKey key, const Webhook& webhook) const;
  // False if this order has another id already, or another order has this one.
  bool learn_id(OrderKey key, const Id& id, Id& place, bool& has);
  Receipts::Cell& cell(std::uint32_t group, std::uint32_t member, OrderKey key);
  void complain(std::string what);

  const std::string prefix_;
  std::deque<Group> groups_;
  std::deque<Load> loads_;
  std::unordered_map<Id, OrderKey, IdHash> ids_;
  std::vector<std::pair<Moment, std::optional<Moment>>> outages_;
  std::vector<std::string> complaints_;
  std::ofstream journal_;
};

}  // namespace waybill::bench
