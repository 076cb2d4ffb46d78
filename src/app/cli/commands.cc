#include "app/cli/commands.h"

namespace waybill::app::cli {

const std::vector<CommandGroup>& all_commands() {
  static const std::vector<CommandGroup> groups = {
      serve_group(),       workspace_group(),   user_group(),       key_group(),
      supplier_group(),    store_group(),       product_group(),    document_group(),
      endpoint_group(),    source_group(),      handler_group(),    message_group(),
      event_group(),       event_type_group(),  trigger_group(),    listen_group(),
      order_group(),       sales_order_group(), shipment_group(),   delivery_group(),
      dead_letter_group(), replay_group(),      request_group(),    woocommerce_group(),
      audit_group(),       dialect_group(),     sign_group(),       verify_group(),
      node_group(),        status_group(),      doctor_group(),     backup_group(),
      copy_group(),        database_group(),    master_key_group(), configuration_group(),
      version_group(),
  };
  return groups;
}

}  // namespace waybill::app::cli
