#include "store/shipments.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace waybill::store::shipments {
namespace {

constexpr std::string_view kSelect =
    "SELECT id, workspace_id, order_id, carrier, tracking_number, tracking_url, shipped_at, "
    "delivered_at, created_at FROM shipments";

model::Shipment read(const Row& row) {
  model::Shipment shipment;
  shipment.id = row.id<model::ShipmentId>(0);
  shipment.workspace_id = row.id<model::WorkspaceId>(1);
  shipment.order_id = row.id<model::OrderId>(2);
  shipment.carrier = row.string_or_null(3);
  shipment.tracking_number = row.string_or_null(4);
  shipment.tracking_url = row.string_or_null(5);
  shipment.shipped_at = row.time(6);
  shipment.delivered_at = row.time_or_null(7);
  shipment.created_at = row.time(8);
  return shipment;
}

}  // namespace

Result<void> insert(Connection& connection, const model::Shipment& shipment) {
  return connection.write(
      "INSERT INTO shipments (workspace_id, id, order_id, carrier, tracking_number, tracking_url, "
      "shipped_at, delivered_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
      {shipment.workspace_id, shipment.id, shipment.order_id, shipment.carrier,
       shipment.tracking_number, shipment.tracking_url, shipment.shipped_at, shipment.delivered_at,
       shipment.created_at});
}

Result<void> update(Connection& connection, const model::Shipment& shipment) {
  return connection.write(
      "UPDATE shipments SET carrier = $3, tracking_number = $4, tracking_url = $5, "
      "shipped_at = $6, delivered_at = $7 WHERE workspace_id = $1 AND id = $2",
      {shipment.workspace_id, shipment.id, shipment.carrier, shipment.tracking_number,
       shipment.tracking_url, shipment.shipped_at, shipment.delivered_at});
}

Result<model::Shipment> find(Connection& connection, const model::WorkspaceId& workspace,
                             const model::ShipmentId& id) {
  static const std::string sql = std::string(kSelect) + " WHERE workspace_id = $1 AND id = $2";
  std::optional<model::Shipment> found;
  WAYBILL_TRY(connection.query(sql, {workspace, id}, [&](const Row& row) { found = read(row); }));
  if (found) return *std::move(found);
  return fail(Code::kNotFound, "shipment_not_found", "There is no such shipment.");
}

Result<std::vector<model::Shipment>> of_order(Connection& connection,
                                              const model::WorkspaceId& workspace,
                                              const model::OrderId& order) {
  static const std::string sql =
      std::string(kSelect) + " WHERE workspace_id = $1 AND order_id = $2 ORDER BY id";
  std::vector<model::Shipment> all;
  WAYBILL_TRY(
      connection.query(sql, {workspace, order}, [&](const Row& row) { all.push_back(read(row)); }));
  return all;
}

}  // namespace waybill::store::shipments
