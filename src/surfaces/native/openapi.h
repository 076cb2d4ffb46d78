// The API's contract, native/openapi.json, as it is built into the binary.

#pragma once

#include <span>

#include "base/embedded.h"

namespace waybill::surfaces::native {

// One file.
std::span<const EmbeddedFile> openapi_document();

}  // namespace waybill::surfaces::native
