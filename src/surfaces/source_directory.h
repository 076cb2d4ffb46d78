// The SourceDirectory knows the Sources that a request may be sent to: by the token in its path, or
// all those of a dialect, with their secrets opened. It remembers them, so that what is received
// need not ask the store for its source.
//
// Used from the thread of the io_context only.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/log.h"
#include "base/task.h"
#include "crypto/digest.h"
#include "crypto/secret_box.h"
#include "dialect/loader.h"
#include "intake/receiver.h"
#include "model/source.h"
#include "store/database.h"

namespace waybill::surfaces {

class SourceDirectory {
 public:
  using Source = std::shared_ptr<const intake::OpenSource>;
  using Sources = std::shared_ptr<const std::vector<Source>>;
  // Remembered; then all are forgotten at once. Tokens of no source are counted apart: whoever
  // tries them makes nobody else wait.
  static constexpr std::size_t kSourcesMax = 10'000;
  static constexpr std::size_t kUnknownMax = 10'000;

  // Everything given outlives it.
  SourceDirectory(store::Database& database, const dialect::DialectRegistry& dialects,
                  const crypto::SecretBox& secret_box, Log& log)
      : database_(database), dialects_(dialects), secret_box_(secret_box), log_(log) {}

  // The active source with this token.
  // Fails with kNotFound (source_not_found), as Database::read(), or with kInternal if its secrets
  // cannot be opened, or its dialect is gone or receives nothing (dialect_missing).
  Task<Result<Source>> find(std::string token);

  // The same, if it is remembered; else null.
  Source remembered(std::string_view token) const;

  // All active sources of a dialect, of all workspaces, the oldest first. One that cannot be opened
  // is left out, and the log says so: it must not close the door to all others. Fails as
  // Database::read().
  Task<Result<Sources>> of_dialect(std::string dialect);

  // A source was made, changed or deleted. Call after the commit.
  void forget(const model::SourceId& id);

  // False: what other nodes change may go unheard (store/changes.h), so nothing is remembered;
  // true: it is again, from now on.
  void trust(bool trusted);

 private:
  struct DigestHash {
    std::size_t operator()(const crypto::Digest& digest) const noexcept;
  };
  struct Found {
    model::Source source;
    std::string environment;
  };
  static Result<Found> with_environment(store::Connection& connection, model::Source source);
  Result<Source> open(Found found) const;
  void remember(const crypto::Digest& hash, const Source& source);
  void remember_unknown(const crypto::Digest& hash);

  store::Database& database_;
  const dialect::DialectRegistry& dialects_;
  const crypto::SecretBox& secret_box_;
  Log& log_;
  std::unordered_map<crypto::Digest, Source, DigestHash> known_;
  std::unordered_set<crypto::Digest, DigestHash> unknown_;
  std::unordered_map<std::string, Sources> by_dialect_;
  std::uint64_t forgotten_ = 0;  // Counts forget(), so that a read under way is not remembered.
  bool trusted_ = true;
};

}  // namespace waybill::surfaces
