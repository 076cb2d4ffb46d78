// The Ledger knows what the outside world was promised and what it got, and holds the hub to it.
//
// It looks at two things only: what goes over the wire, in both directions, and what is committed
// in the database. What it demands is numbered, as in README.md, and a breach names its number:
//
//  1. An acknowledged order is there, once, with one event; a repeat gets the same id. One that was
//     never acknowledged is there at most once. The same for published events.
//  2. What is owed arrives once the faults are over, or is dropped by its schedule or a 410, or
//     cancelled with its endpoint. Nothing waits for ever.
//  3. Nothing is sent to an endpoint that is not active, or to a former address, once the hub
//  knows.
//  4. An attempt is made under a lease that outlasts it, while no other one is made under a valid
//     lease. An attempt is made again only after a crash, a failed recording, or a lease that ran
//     out.
//  5. An attempt is not before its schedule has it, nor, without faults, later; and none too many.
//  6. What is recorded was sent, was answered so, and is numbered without gaps.
//  7. At the end nothing is left in memory.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "net/http_client.h"
#include "simulation/machine.h"
#include "simulation/trace.h"
#include "store/connection.h"

namespace waybill::simulation {

// What is about to go wrong at a receiver, in percent of requests; the rest is answered 200.
struct Mood {
  int refuses = 0;  // 500, or 429 with a Retry-After.
  int gone = 0;     // 410
  int never_answers = 0;
  int answers_late = 0;   // Up to its deadline.
  int resets_before = 0;  // Before it has processed the request …
  int resets_after = 0;   // … and after.
  int usual_ms = 200;     // How long an answer takes at most.
};

// An endpoint as the outside world knows it.
struct Subscriber {
  int index = 0;
  int workspace = 0;
  std::string id;  // "ep_…"; empty while nobody was told.
  std::string dialect;
  std::vector<Millis> delays;
  int jitter_percent = 0;
  Millis timeout{0};
  bool delete_asked = false;
  Mood mood;

  std::string label() const { return "e" + std::to_string(index); }
  std::string host() const { return "r" + std::to_string(index) + ".example.com"; }
};

// Something posted, perhaps more than once, that makes one order or some events.
struct Posting {
  enum class Kind { kOrder, kEvents };
  Kind kind = Kind::kOrder;
  int index = 0;
  int workspace = 0;
  int count = 1;                        // Events.
  std::optional<std::string> answered;  // The order's id, or the first event's.
  // Subscribers that were there before it was first posted.
  std::vector<int> subscribers;

  // The order's number, or the event's subject.
  std::string name(int nth = 0) const;
};

// One life of one node, as far as the ledger must know it.
struct Holder {
  int life = 0;
  Uuid node;
  const VirtualClock* clock = nullptr;
  int times_set = 0;  // How often the machine's clock had been set when it began.
  // What this life knows of each endpoint, as it was committed: state and URL.
  std::map<Uuid, std::pair<std::string, std::string>> known;
};

struct Sending {
  int number = 0;
  int life = 0;
  Millis started_at{0};
  Timestamp lease_until{};
  int attempts_before_retry = 0;
  int times_set = 0;
  bool over = false;
  Timestamp ended{};   // In the time of its hub …
  Millis ended_at{0};  // … and of the machine.
  bool crashed = false;
  std::optional<int> status;  // As the hub saw it.
  std::optional<Millis> retry_after;
};

class Ledger {
 public:
  Ledger(const Machine& machine, Trace& trace) : machine_(machine), trace_(trace) {}

  void open(std::unique_ptr<store::Connection> connection) { connection_ = std::move(connection); }

  // The first demand that was not met, if any.
  const std::optional<std::string>& breach() const { return breach_; }
  void breached(int demand, std::string what);

  // A request leaves. Returns the place of its Sending, for ended().
  std::size_t began(const Holder& holder, const net::ClientRequest& request);
  // It has come to an end at the hub. `arrived`: the receiver has processed it, and said 2xx.
  void ended(std::size_t sending, const Holder& holder, std::optional<int> status,
             std::optional<Millis> retry_after);
  void arrived(std::size_t sending);
  void life_crashed(int life);
  // Its database may fail now, or be late.
  void life_troubled(int life) { troubled_at_[life] = machine_.passed; }

  void acknowledged(Posting& posting, const std::string& id);

  // What a life knows by now, as all that was committed has been answered.
  void settle(Holder& holder);
  // Without faults: nothing is due since longer than `patience`.
  void check_punctual(const Holder& holder, Millis patience);
  // How many deliveries are not over, of endpoints that are not deleted …
  int unfinished();
  // … and what they are.
  std::string describe_unfinished();
  // The id that the hub gave an endpoint of which nobody was told. Empty: there is none.
  std::string find_endpoint(const Subscriber& subscriber);
  // Some deliveries that a manual retry would revive.
  std::vector<std::string> dropped(int workspace);
  void check_all();

  std::vector<Subscriber> subscribers;
  std::vector<Posting> postings;
  std::vector<Uuid> workspaces;
  bool one_node = true;

  std::uint64_t sendings() const { return sendings_.size(); }
  std::uint64_t repeated() const { return repeated_; }

 private:
  struct Story {
    int label = 0;
    int subscriber = 0;
    bool arrived = false;
    std::vector<std::size_t> sendings;
  };
  struct Row {
    std::string state;
    Uuid event, endpoint;
    std::string kind;
    int attempts_made = 0;
    int attempts_before_retry = 0;
  };

  Story& story_of(const Uuid& delivery, int subscriber);
  void check_endpoint(const Holder& holder, const Subscriber& to, const Uuid& endpoint,
                      const std::string& url);
  void check_again(const Holder& holder, const Story& story, const Sending& now);
  void check_schedule(const Subscriber& to, const Story& story, const Sending& now,
                      Timestamp started);
  void check_posting(const Posting& posting);
  void check_delivery(const Uuid& workspace, const Uuid& id, const Row& row);
  std::int64_t count(std::string_view sql, std::initializer_list<store::Param> params);

  const Machine& machine_;
  Trace& trace_;
  std::unique_ptr<store::Connection> connection_;
  std::optional<std::string> breach_;
  std::map<Uuid, Story> stories_;
  std::vector<Sending> sendings_;
  std::vector<Uuid> delivery_of_;  // Of each sending.
  std::map<Uuid, Millis> inactive_since_;
  std::map<int, Millis> troubled_at_;  // When a life was in trouble last.
  std::uint64_t repeated_ = 0;
};

}  // namespace waybill::simulation
