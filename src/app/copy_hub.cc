#include "app/copy_hub.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "app/database.h"
#include "app/files.h"
#include "app/master_key.h"
#include "base/bytes.h"
#include "store/copy.h"
#include "store/migrations.h"

namespace waybill::app {
namespace {

using store::Connection;
using store::CopiedTable;
using store::CopyState;

constexpr std::chrono::seconds kTellEvery{2};
constexpr mode_t kFileMode = 0600;

// Says now and then how far a table has come.
class Teller {
 public:
  Teller(const TellProgress& tell, std::string_view what) : tell_(tell), what_(what) {}

  void begin(std::int64_t rows_of_table) { of_ = rows_of_table; }
  void operator()(const CopiedTable& table, std::int64_t rows) {
    if (!next_.passed()) return;
    next_ = Deadline::after(kTellEvery);
    tell_(fmt::format("{} {}: {} of {} rows", what_, table.name, rows, of_));
  }

 private:
  const TellProgress& tell_;
  const std::string_view what_;
  Deadline next_ = Deadline::after(kTellEvery);
  std::int64_t of_ = 0;
};

Result<std::unique_ptr<Connection>> open(const Settings& settings, const DataDirectory& source,
                                         Timestamp now) {
  const auto driver = make_patient_driver(settings, source.folder());
  auto connection = driver->connect(Connection::Access::kWrite);
  if (!connection) return connection;
  WAYBILL_TRY(store::migrate(**connection, now));
  return connection;
}

// Whether there is anything to copy, and may be.
Result<CopyState> look(Connection& target, const std::vector<CopiedTable>& tables,
                       const DataDirectory& source) {
  auto state = store::look_at_copy(target, tables, source.node());
  const auto moved = check_not_moved(Settings(), source.folder());
  if (!moved && (!state || *state == CopyState::kNone)) return fail(moved.error());
  if (!state) return state;
  if (moved && *state == CopyState::kFinished) {
    return fail(Code::kConflict, "copy_target_not_empty",
                "This database has a finished copy, which the hub does not use any more: its "
                "data directory has no database.moved. Make a new database.");
  }
  return state;
}

Result<void> copy_all(Connection& from, Connection& to, const std::vector<CopiedTable>& tables,
                      const Uuid& id, const TellProgress& tell) {
  Teller teller(tell, "copying");
  const Stopwatch stopwatch;
  std::int64_t all = 0;
  for (const CopiedTable& table : tables) {
    const auto count = store::count_rows(from, table);
    if (!count) return fail(count.error());
    teller.begin(*count);
    const auto copied = store::copy_table(from, to, table, id, std::ref(teller));
    if (!copied) return fail(copied.error());
    all += *copied;
  }
  const double seconds = std::chrono::duration<double>(stopwatch.elapsed()).count();
  tell(fmt::format("copied {} rows in {:.1f} s, {:.0f} a second", all, seconds,
                   static_cast<double>(all) / std::max(seconds, 0.001)));
  return {};
}

Result<CopiedHub> verify_all(Connection& from, Connection& to,
                             const std::vector<CopiedTable>& tables, const TellProgress& tell) {
  Teller teller(tell, "comparing");
  CopiedHub hub;
  for (const CopiedTable& table : tables) {
    const auto count = store::count_rows(from, table);
    if (!count) return fail(count.error());
    teller.begin(*count);
    const auto sum = store::verify_table(from, to, table, std::ref(teller));
    if (!sum) return fail(sum.error());
    hub.tables.push_back({table.name, sum->rows, hex(sum->sum)});
  }
  return hub;
}

}  // namespace

Result<CopiedHub> copy_hub(const DataDirectory& source, const Settings& target, const Clock& clock,
                           const TellProgress& tell) {
  const auto from = open(Settings(), source, clock.now());
  if (!from) return fail(from.error());
  // A rotation that was cut short is ended before its halves go to different places.
  if (const auto key = open_master_key(source.folder(), **from); !key) return fail(key.error());
  const auto tables = store::tables_to_copy(**from);
  if (!tables) return fail(tables.error());
  const auto to = open(target, source, clock.now());
  if (!to) return fail(to.error());
  const auto state = look(**to, *tables, source);
  if (!state) return fail(state.error());
  if (*state == CopyState::kFinished) return CopiedHub{.tables = {}, .was_done = true};
  if (*state == CopyState::kUnderWay) tell("going on with the copy that was begun");

  WAYBILL_TRY(store::begin_copy(**to, *tables, source.node()));
  WAYBILL_TRY(copy_all(**from, **to, *tables, source.node(), tell));
  auto copied = verify_all(**from, **to, *tables, tell);
  if (!copied) return copied;
  // First that the old one is not used again, then that the new one may be.
  WAYBILL_TRY(write_file(moved_file(source.folder()), target.database->shown(), kFileMode));
  WAYBILL_TRY(store::finish_copy(**to, source.node(), clock.now()));
  // So that the first statements are planned with what is there. It is of use, and no more.
  (void)(*to)->run_script("ANALYZE");
  return copied;
}

}  // namespace waybill::app
