// Which database a hub works on, and how it is opened: the one place that knows which drivers there
// are.

#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "app/master_key.h"
#include "app/settings.h"
#include "base/clock.h"
#include "base/result.h"
#include "store/connection.h"

namespace waybill::app {

// Opens nothing yet. `folder` is the data directory.
std::unique_ptr<store::Driver> make_driver(const Settings& settings,
                                           const std::filesystem::path& folder);
// For work on a whole table, of which a statement may take a day.
std::unique_ptr<store::Driver> make_patient_driver(const Settings& settings,
                                                   const std::filesystem::path& folder);

// For people: the SQLite file, or the server without its password.
std::string database_shown(const Settings& settings, const std::filesystem::path& folder);

inline Nodes nodes_of(const Settings& settings) {
  return settings.database ? Nodes::kMany : Nodes::kOne;
}

// How many connections one node has to a database server.
int connections_of_node();

// For what no hub may run beside. A node that was killed counts for Node::kBelieved (model/node.h)
// more. Fails with kConflict (nodes_live), naming them, and as Connection::query().
Result<void> check_no_node_lives(store::Connection& connection, Timestamp now);

// What `waybill copy` leaves in the data directory whose records it has moved to a server.
std::filesystem::path moved_file(const std::filesystem::path& folder);

// Fails with kConflict (database_moved), saying where to and how to go back, if the settings mean
// SQLite in a folder whose records have moved.
Result<void> check_not_moved(const Settings& settings, const std::filesystem::path& folder);

}  // namespace waybill::app
