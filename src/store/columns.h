// How values that are no single column are written into one.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/endpoint.h"

namespace waybill::store {

std::string list_to_column(const std::vector<std::string>& list);
std::vector<std::string> list_from_column(std::string_view column);

std::string overrides_to_column(const model::EndpointOverrides& overrides);
model::EndpointOverrides overrides_from_column(std::string_view column);

}  // namespace waybill::store
