// A new API key, as the body of createKey asks for it.

#pragma once

#include <optional>
#include <string>

#include "model/api_key.h"
#include "surfaces/native/call.h"
#include "surfaces/native/object_reader.h"

namespace waybill::surfaces::native {

struct NewKey {
  model::ApiKey key;                 // Without its ids, its text, and what the store knows.
  std::optional<std::string> user;   // Whose it is, as the caller names them: of kPrecoro.
  std::optional<std::string> store;  // Which it is pinned to: of a key of the integration API.
};

// An integration's key has a signing secret of the caller's, or one made here.
// Fails as read_body(), and with kInvalid as ObjectReader::done(); scope_unknown, scopes_not_used,
// user_not_used, member_not_used for what keys of this platform or kind do not have;
// network_invalid.
Result<NewKey> read_new_key(const Call& call);

// A signing secret that the caller chose, or a new one. Whoever can guess it can sign orders, so a
// short one is a fault.
Secret read_signing_secret(ObjectReader& body, std::string_view member);

}  // namespace waybill::surfaces::native
