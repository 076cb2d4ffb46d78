// Moves a stopped hub from SQLite in its data directory to a database server: what `waybill copy`
// does. The data directory goes on being the hub's, with its keys; its SQLite stays as it was, and
// `database.moved` keeps a hub from being started on it.
//
// Cut short at any moment, the same call goes on where it was.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "app/data_directory.h"
#include "app/settings.h"
#include "base/clock.h"
#include "base/result.h"

namespace waybill::app {

struct CopiedHub {
  struct Table {
    std::string name;
    std::int64_t rows = 0;
    std::string checksum;  // In hex; the same on both sides.
  };
  std::vector<Table> tables;
  bool was_done = false;  // Before this call: then there are no tables here.
};

// What to tell who waits: a sentence without its full stop.
using TellProgress = std::function<void(const std::string& text)>;

// Copies, compares, and leaves database.moved. `source` is held for all the time, so that no hub
// runs on it; `target` are settings with a database.
//
// Fails as open_master_key(), Driver::connect(), migrate(), begin_copy(), copy_table(),
// verify_table() and write_file(), and with kConflict:
//   database_moved          its records were copied to another server before
//   copy_target_not_empty   also if this copy was finished and the hub went back to SQLite
Result<CopiedHub> copy_hub(const DataDirectory& source, const Settings& target, const Clock& clock,
                           const TellProgress& tell);

}  // namespace waybill::app
