// Reads an order as ProcuLink documents it (R-PL-11 to R-PL-15).

#pragma once

#include <string_view>

#include "base/result.h"
#include "intake/order_intake.h"

namespace waybill::surfaces::proculink {

// Fills what the body says: supplier, number, date, currency, lines. Members that the document does
// not name are ignored, and null is the same as nothing.
//
// Fails with kInvalid and the JSON path of the fault: as parse_json(), or body_type,
// member_missing, member_type, text_length, text_invalid, date_invalid, lines_empty,
// quantity_not_positive.
Result<intake::OrderRequest> read_order(std::string_view body);

}  // namespace waybill::surfaces::proculink
