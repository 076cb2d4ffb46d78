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

// That no active source of the hub with the dialect of `own`, but of the other environment, has
// `secret`, even as one that expires: a test must not pass for the real thing (R-PQ-47). Others may
// have it, for some platforms have one secret for all that an app is told. Call it in the unit that
// writes the secret. Fails with kConflict (secret_in_use), which does not say whose it is.
Result<void> check_environment_of(store::Connection& connection,
                                  const crypto::SecretBox& secret_box, const model::Source& own,
                                  const Secret& secret);

// By what a secret is told from others of its source where it is not shown: the first eight hex
// digits of its HMAC-SHA256 by the source's token. Who may not see the token cannot find a secret
// that could be guessed by trying. With another token it has another.
std::string fingerprint(const crypto::SecretBox& secret_box, const model::Source& source,
                        const Secret& secret);

// What `token` is found by (Source::token_hash).
Bytes token_hash(std::string_view token);

}  // namespace waybill::intake
