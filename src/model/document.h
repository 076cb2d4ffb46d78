// A Document is what a company's other systems keep of one thing: a purchase order, an invoice, a
// supplier, a custom field. Whoever keeps it puts it into the hub whole; the hub tells of it by an
// event, and gives it to those who may see it.
//
// Its id is a whole number of its keeper's. Its IDN, where its kind has one, is the number that
// people call it by.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "model/ids.h"

namespace waybill::model {

// One line of the table of kinds, in document.cc. To add a kind: a line there.
struct DocumentKind {
  std::string_view name;           // "purchase_order", in addresses and roles.
  std::string_view subject;        // What events call it: "order".
  bool is_numbered = false;        // It is given an IDN if it brings none.
  bool is_whole_in_lists = false;  // Lists show all of it, not its summary.

  std::string created_event() const;  // "order.created"
  std::string updated_event() const;
};
std::span<const DocumentKind> document_kinds();
// Null if there is none of that name.
const DocumentKind* find_document_kind(std::string_view name);

struct Document {
  // Ids and IDNs are 1 to this: what a JSON number holds exactly everywhere.
  static constexpr std::int64_t kNumberMax = (std::int64_t{1} << 53) - 1;

  WorkspaceId workspace_id;
  std::string kind;  // DocumentKind::name
  std::int64_t id = 0;
  Uuid uuid;  // What dialects call it by whose ids are no numbers. Of the hub's making.
  std::optional<std::int64_t> idn;
  std::string content;  // A JSON object, by write_json(), with its id and IDN.
  std::string summary;  // What lists show of it, likewise.
  std::optional<UserId> created_by;
  // Said by the content, to be searched by.
  std::optional<std::int64_t> status;
  std::optional<std::string> approved_on;  // YYYY-MM-DD
  std::optional<std::int64_t> supplier_id;
  std::optional<bool> enabled;
  Timestamp created_at{};
  Timestamp modified_at{};
};

// Fills what the content says of a document: IDN, status, approval date, supplier, and whether it
// is enabled.
//
// Fails with kInvalid and the path: member_type, member_invalid; id_mismatch if it names another id
// than document.id.
Result<void> read_content(const json::object& content, Document& document);

// Writes content and summary, of what was put, with id and IDN first. Requires: the IDN is known.
void write_content(const json::object& content, const DocumentKind& kind, Document& document);

// The canonical data of the events about a document, by write_json(): who it is, and nothing of
// what it says but its status.
std::string document_event_data(const Document& document, const DocumentKind& kind);

}  // namespace waybill::model
