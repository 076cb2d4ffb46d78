// Sources as operations find, check and write them.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_text.h"
#include "base/secret.h"
#include "dialect/dialect.h"
#include "model/source.h"
#include "store/connection.h"
#include "surfaces/native/call.h"
#include "surfaces/native/change.h"

namespace waybill::surfaces::native {

// A workspace has at most so many that are not deleted.
inline constexpr int kSourcesMax = 200;

// By its id, or its name. Fails with kNotFound (source_not_found), also for a deleted one.
Result<model::Source> find_named_source(store::Connection& connection,
                                        const model::WorkspaceId& workspace,
                                        std::string_view id_or_name);
// The one of the call's path, held until the unit is over.
Result<model::Source> find_source_to_change(store::Connection& connection, const Call& call);

// What a source receives in. Fails with kConflict (dialect_unknown) if this hub has it no more, or
// it has come to be one that sends only.
Result<const dialect::Dialect*> dialect_of(const model::Source& source,
                                           const dialect::DialectRegistry& dialects);

// Whether sources of `dialect` can have this secret. Fails with kInvalid: secret_invalid,
// secret_not_used.
Result<void> check_source_secret(const dialect::Dialect& dialect, const Secret& secret);
// A new last segment of its path.
void give_token(const Call& call, model::Source& source);

// Tells the rest of the hub. After the commit.
void tell_source_changed(const Services& services, const model::SourceId& source);

// What is shown of one: its path, to those who may change it, but never a secret.
struct SourceView {
  const model::Source* source = nullptr;
  std::optional<Timestamp> last_received_at;
};
Result<SourceView> view_of(store::Connection& connection, const model::Source& source);
void write(ObjectText& object, const SourceView& view, const Call& call);

}  // namespace waybill::surfaces::native
