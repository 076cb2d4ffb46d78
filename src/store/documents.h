// SQL of the Document.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/document.h"
#include "store/connection.h"
#include "store/page.h"

namespace waybill::store::documents {

// Which one of a workspace.
struct Key {
  model::WorkspaceId workspace_id;
  std::string_view kind;
};

// Whoever else calls this or one of the next two for the kind waits until this transaction is over:
// so none adds a document, or an IDN, that another is adding.
Result<void> lock_kind(Connection& connection, const Key& key);
// The next IDN of the kind.
Result<std::int64_t> next_idn(Connection& connection, const Key& key);
// A document brings this one: what next_idn() gives is above it from now on.
Result<void> note_idn(Connection& connection, const Key& key, std::int64_t idn);

// Fails with kConflict: document_exists, or document_idn_taken.
Result<void> insert(Connection& connection, const model::Document& document);
// Writes everything but the key, the UUID and the time it was made. Fails with kConflict
// (document_idn_taken).
Result<void> update(Connection& connection, const model::Document& document);

// Fail with kNotFound (document_not_found).
Result<model::Document> find(Connection& connection, const Key& key, std::int64_t id);
Result<model::Document> find_by_idn(Connection& connection, const Key& key, std::int64_t idn);
// The same, so that it can be changed by what was read. Nothing: there is none, and nobody else
// adds it until this transaction is over.
Result<std::optional<model::Document>> find_to_put(Connection& connection, const Key& key,
                                                   std::int64_t id);

// What is listed. Each that is set narrows it; an empty list of values does not.
struct Filter {
  // Of each list of values.
  static constexpr std::size_t kValuesMax = 20;

  std::optional<Timestamp> modified_since;   // At or after.
  std::optional<std::string> approved_from;  // Days, both included.
  std::optional<std::string> approved_until;
  std::vector<std::int64_t> statuses;
  std::vector<std::int64_t> suppliers;
  std::optional<bool> enabled;
  std::optional<model::UserId> created_by;
};

struct Listed {
  std::vector<std::string> summaries;  // By their ids, the lowest first.
  std::int64_t total = 0;              // That the filter lets through.
};
// At most `limit` of them, after the first `offset`. By id, so that a list that is read page by
// page while documents are added loses none. Requires: no list of `filter` is longer than
// kValuesMax.
Result<Listed> list(Connection& connection, const Key& key, const Filter& filter,
                    std::int64_t offset, std::int64_t limit);

// All of a workspace, or of one kind, the one added last first: without their content. Pages go by
// their UUIDs.
Result<Page<model::Document>> page(Connection& connection, const model::WorkspaceId& workspace,
                                   const std::optional<std::string>& kind,
                                   const PageRequest& request);

}  // namespace waybill::store::documents
