// A World is a machine with one hub, or two on one database, the receivers they send to, the
// clients that post to them, and everything that goes wrong: all drawn from one seed, on virtual
// time.
//
// It has three times: it is set up; then there is trouble; then all faults stop, and what is owed
// has to arrive. The Ledger watches all along.

#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/rng.h"
#include "base/temporary_folder.h"
#include "simulation/ledger.h"
#include "simulation/life.h"
#include "simulation/machine.h"
#include "simulation/trace.h"

namespace waybill::simulation {

// What came of a world.
struct Fate {
  std::optional<std::string> breach;
  std::vector<std::string> last_lines;
  std::uint64_t digest = 0;
  std::uint64_t sendings = 0;
  std::uint64_t repeated = 0;  // Sendings of an attempt that had been sent before.
  int crashes = 0;
  Millis passed{0};
};

class World {
 public:
  World(std::uint64_t seed, bool prints);
  ~World();

  // Runs it to its end, or to the first breach.
  Fate run();

 private:
  struct Node {
    Uuid id;
    std::unique_ptr<Life> life;
    Holder holder;
    std::optional<Millis> transaction_at;  // When the database runs next.
    Millis slow_until{0};
    Millis fault_until{0};
    Millis restarts_at{0};
    int steps_to_crash = 0;  // 0: none is to come.
    bool is_warm = false;    // It has answered an order.
  };
  struct Call {
    int life = 0;
    Life::Answer answer;
    std::function<void(const net::Response*)> told;  // Null: the hub died first.
  };
  using Told = std::function<void(const net::Response*)>;

  // What runs the world (world.cc).
  void begin_life(Node& node);
  void end_life(Node& node, bool crashes);
  bool run_ready();
  void run_database(Node& node);
  void after_drained(Node& node);
  void hear_answers();
  bool advance(Millis until);
  void run_until(Millis until);
  bool run_until(const std::function<bool()>& done, Millis patience);
  void call(Node& node, std::string_view method, std::string path, std::string body,
            std::string key, Told told);
  Task<Result<net::ClientResponse>> receive(Node& node, net::ClientRequest request);
  bool percent(int chance) { return rng_.between(1, 100) <= chance; }
  int number(int low, int high) { return static_cast<int>(rng_.between(low, high)); }
  Millis millis(int low, int high) { return Millis(number(low, high)); }
  template <class T>
  T& one_of(std::vector<T>& all) {
    return all[static_cast<std::size_t>(number(0, static_cast<int>(all.size()) - 1))];
  }
  Node* any_node();
  void say(std::string_view what) { trace_.add("world", what); }

  // What happens in it (story.cc).
  void set_up();
  void make_trouble();
  void calm_down();
  void act();
  void new_subscriber(int workspace);
  void post(Posting& posting);
  void post_new(Posting::Kind kind, int count);
  void burst();
  void change_endpoint();
  void retry_something();
  void break_database();
  void set_clock();
  void change_mood();

  const TemporaryFolder folder_;
  Rng rng_;
  Machine machine_;
  Trace trace_;
  dialect::DialectRegistry dialects_;
  Ledger ledger_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<Call> calls_;
  std::vector<std::string> slugs_;
  std::vector<std::string> keys_;  // Of each workspace.
  std::vector<std::string> event_ids_;
  std::size_t waiting_units_max_ = 50'000;
  bool trouble_ = false;
  bool has_burst_ = false;
  int lives_ = 0;
  int crashes_ = 0;
  Millis set_back_{0};
};

}  // namespace waybill::simulation
