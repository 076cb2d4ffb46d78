// All commands of `waybill`, in the order of --help.

#pragma once

#include <vector>

#include "app/cli/command.h"

namespace waybill::app::cli {

const std::vector<CommandGroup>& all_commands();

// One function for each noun, in the file of its name.
CommandGroup serve_group();
CommandGroup workspace_group();
CommandGroup key_group();
CommandGroup user_group();
CommandGroup supplier_group();
CommandGroup store_group();
CommandGroup product_group();
CommandGroup document_group();
CommandGroup order_group();
CommandGroup sales_order_group();
CommandGroup shipment_group();
CommandGroup woocommerce_group();
CommandGroup endpoint_group();
CommandGroup source_group();
CommandGroup handler_group();
CommandGroup message_group();
CommandGroup event_group();
CommandGroup event_type_group();
CommandGroup trigger_group();
CommandGroup listen_group();
CommandGroup delivery_group();
CommandGroup replay_group();
CommandGroup dead_letter_group();
CommandGroup audit_group();
CommandGroup request_group();
CommandGroup dialect_group();
CommandGroup sign_group();
CommandGroup verify_group();
CommandGroup node_group();
CommandGroup status_group();
CommandGroup doctor_group();
CommandGroup backup_group();
CommandGroup copy_group();
CommandGroup database_group();
CommandGroup master_key_group();
CommandGroup configuration_group();
CommandGroup version_group();

}  // namespace waybill::app::cli
