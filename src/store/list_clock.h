// The list clock of a workspace gives out the times by which its orders, clients, suppliers and
// products are listed (updated_at): each later than all before it, and committed in that order.
//
// So a reader who goes through a list by (updated_at, id) misses nothing that changes meanwhile,
// and sees no change twice: whatever is committed later has a later time than all that can be read
// now.
//
// Taking it holds a row of the workspace until the transaction ends: on a database server, changes
// of one workspace come one after the other. Take it first in a unit, before any other lock, and
// give the unit list_clock::order_of(), so that no two transactions wait for each other.

#pragma once

#include "model/ids.h"
#include "store/connection.h"
#include "store/database.h"
#include "store/page.h"

namespace waybill::store::list_clock {

LockOrder order_of(const model::WorkspaceId& workspace);

// `now`, or a millisecond more than the last time it gave.
Result<Timestamp> take(Connection& connection, const model::WorkspaceId& workspace, Timestamp now);

// A row's place in a list, and the page that begins behind one: oldest change first.
struct Position {
  Timestamp at{};
  Uuid id;
};
struct Request {
  int limit = 50;
  std::optional<Position> after;
};
template <class T>
struct Page {
  std::vector<T> rows;
  // Of the last row, if there is another page now; else nothing.
  std::optional<Position> next;
};

}  // namespace waybill::store::list_clock
