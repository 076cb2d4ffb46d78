// The secrets of a Source as they are stored: a JSON array, sealed for the source's id, newest
// first (model/source.h). Whoever verifies with them and whoever changes them read it here.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crypto/secret_box.h"
#include "intake/receiver.h"
#include "model/source.h"
#include "store/connection.h"

namespace waybill::intake {

// At most so many verify at one time.
inline constexpr std::size_t kSourceSecretsMax = 10;

// None for an empty column. Fails with kInternal if it cannot be opened.
Result<std::vector<OpenSource::Key>> open_secrets(const crypto::SecretBox& secret_box,
                                                  const model::Source& source);
// The reverse: what Source::secrets is to be. Empty for none.
Bytes seal_secrets(const crypto::SecretBox& secret_box, const model::SourceId& source,
                   const std::vector<OpenSource::Key>& keys);

// That no other active source of the hub with this dialect has `secret`, even as one that expires:
// what is signed with it has to be of one source alone. Call it in the unit that writes the secret.
// Fails with kConflict (secret_in_use), which does not say whose it is.
Result<void> check_unused(store::Connection& connection, const crypto::SecretBox& secret_box,
                          std::string_view dialect, const Secret& secret,
                          const model::SourceId& own);

// By what a secret is told from others where it is not shown: the first eight hex digits of its
// SHA-256.
std::string fingerprint(const Secret& secret);

// What `token` is found by (Source::token_hash).
Bytes token_hash(std::string_view token);

}  // namespace waybill::intake
