// The documents, and the numbers they are given.

#include <tuple>

#include "conformance/store_conformance.h"
#include "store/documents.h"

namespace waybill::store {

using namespace std::chrono_literals;

namespace {

using documents::Filter;

auto fields(const model::Document& d) {
  return std::tuple(d.workspace_id, d.kind, d.id, d.uuid, d.idn, d.content, d.summary, d.created_by,
                    d.status, d.approved_on, d.supplier_id, d.enabled, unix_millis(d.created_at),
                    unix_millis(d.modified_at));
}

Filter with_statuses(std::vector<std::int64_t> statuses) {
  Filter filter;
  filter.statuses = std::move(statuses);
  return filter;
}

Filter with_suppliers(std::vector<std::int64_t> suppliers) {
  Filter filter;
  filter.suppliers = std::move(suppliers);
  return filter;
}

}  // namespace

model::Document DocumentConformance::make(std::int64_t id, std::string_view kind) {
  model::Document document;
  document.workspace_id = workspace_;
  document.kind = kind;
  document.id = id;
  document.uuid = ids_.next();
  document.content = R"({"id":1,"lines":[]})";
  document.summary = std::to_string(id);
  document.created_at = document.modified_at = clock_.now();
  return document;
}

DocumentConformance::Answer DocumentConformance::insert(const model::Document& document) {
  return write([&](Connection& connection) -> Result<int> {
    WAYBILL_TRY(documents::insert(connection, document));
    return 0;
  });
}

DocumentConformance::Answer DocumentConformance::update(const model::Document& document) {
  return write([&](Connection& connection) -> Result<int> {
    WAYBILL_TRY(documents::update(connection, document));
    return 0;
  });
}

std::int64_t DocumentConformance::next_idn(std::string_view kind) {
  return must(
      write([&](Connection& connection) { return documents::next_idn(connection, key(kind)); }));
}

void DocumentConformance::note_idn(std::int64_t idn) {
  must(write([&](Connection& connection) -> Result<int> {
    WAYBILL_TRY(documents::note_idn(connection, key(), idn));
    return 0;
  }));
}

std::vector<std::string> DocumentConformance::listed(const Filter& filter, std::int64_t offset,
                                                     std::int64_t limit) {
  return must(read([&](Connection& connection) {
           return documents::list(connection, key(), filter, offset, limit);
         }))
      .summaries;
}

TEST_P(DocumentConformance, IsReadAsItWasWritten) {
  model::Document full = make(7);
  full.idn = 70;
  full.created_by = ids_.next_id<model::UserId>();
  full.status = 2;
  full.approved_on = "2023-12-01";
  full.supplier_id = 9;
  full.enabled = false;
  for (const std::string& text : awkward_texts()) {
    full.id += 1;
    full.uuid = ids_.next();
    *full.idn += 1;
    full.content = full.summary = text;
    ASSERT_EQ(outcome(insert(full)), "value");
    const auto found = must(
        read([&](Connection& connection) { return documents::find(connection, key(), full.id); }));
    EXPECT_EQ(fields(found), fields(full));
    const auto by_idn = must(read([&](Connection& connection) {
      return documents::find_by_idn(connection, key(), *full.idn);
    }));
    EXPECT_EQ(by_idn.id, full.id);
  }
  const model::Document bare = make(1);
  ASSERT_EQ(outcome(insert(bare)), "value");
  EXPECT_EQ(fields(must(read([&](Connection& c) { return documents::find(c, key(), 1); }))),
            fields(bare));
}

TEST_P(DocumentConformance, IsFoundByItsKindAndNumberInItsWorkspaceOnly) {
  ASSERT_EQ(outcome(insert(make(7))), "value");
  const auto find = [&](documents::Key key, std::int64_t id) {
    return outcome(read([&](Connection& c) { return documents::find(c, key, id); }));
  };
  EXPECT_EQ(find(key(), 7), "value");
  EXPECT_EQ(find(key(), 8), "not_found document_not_found");
  EXPECT_EQ(find(key("expense"), 7), "not_found document_not_found");
  EXPECT_EQ(find({other_workspace_, "invoice"}, 7), "not_found document_not_found");
  EXPECT_EQ(outcome(read([&](Connection& c) { return documents::find_by_idn(c, key(), 7); })),
            "not_found document_not_found");
}

TEST_P(DocumentConformance, NumbersAreUniqueWithinAKind) {
  model::Document document = make(7);
  document.idn = 70;
  ASSERT_EQ(outcome(insert(document)), "value");
  EXPECT_EQ(outcome(insert(make(7))), "conflict document_exists");
  EXPECT_EQ(outcome(insert(make(7, "expense"))), "value");

  model::Document other = make(8);
  other.idn = 70;
  EXPECT_EQ(outcome(insert(other)), "conflict document_idn_taken");
  other.idn.reset();
  ASSERT_EQ(outcome(insert(other)), "value");
  other.idn = 70;
  EXPECT_EQ(outcome(update(other)), "conflict document_idn_taken");
  EXPECT_EQ(outcome(insert(make(9))), "value") << "any number of them may have none";
}

TEST_P(DocumentConformance, AChangeIsWritten) {
  model::Document document = make(7);
  ASSERT_EQ(outcome(insert(document)), "value");
  clock_.run_for(1min);
  document.idn = 5;
  document.content = "{}";
  document.summary = "new";
  document.created_by = ids_.next_id<model::UserId>();
  document.status = 3;
  document.approved_on = "2024-01-01";
  document.supplier_id = 4;
  document.enabled = true;
  document.modified_at = clock_.now();
  ASSERT_EQ(outcome(update(document)), "value");
  const auto found = must(
      write([&](Connection& connection) { return documents::find_to_put(connection, key(), 7); }));
  ASSERT_TRUE(found);
  EXPECT_EQ(fields(*found), fields(document));
  EXPECT_FALSE(must(
      write([&](Connection& connection) { return documents::find_to_put(connection, key(), 8); })));
}

TEST_P(DocumentConformance, IdnsGoUpForEachKindAlone) {
  EXPECT_EQ(next_idn(), 1);
  EXPECT_EQ(next_idn(), 2);
  EXPECT_EQ(next_idn("expense"), 1);
  note_idn(10);
  EXPECT_EQ(next_idn(), 11);
  note_idn(4);
  EXPECT_EQ(next_idn(), 12) << "a lower one takes nothing back";
  must(write([&](Connection& connection) -> Result<int> {
    WAYBILL_TRY(documents::lock_kind(connection, key()));
    WAYBILL_TRY(documents::lock_kind(connection, key("receipt")));
    return 0;
  }));
  EXPECT_EQ(next_idn(), 13);
  EXPECT_EQ(next_idn("receipt"), 1);
}

// Twenty transactions put the same two new documents: all in one order, then by turns in another,
// so that they wait for each other.
TEST_P(DocumentConformance, ANewDocumentIsAddedOnceWhoeverPutsIt) {
  open({.units_per_commit_max = 1});
  const auto put = [&](Connection& connection, std::string_view kind, std::int64_t id) -> Answer {
    const auto found = documents::find_to_put(connection, key(kind), id);
    if (!found) return fail(found.error());
    if (*found) return 0;
    const auto idn = documents::next_idn(connection, key(kind));
    if (!idn) return fail(idn.error());
    model::Document document = make(id, kind);
    document.idn = *idn;
    WAYBILL_TRY(documents::insert(connection, document));
    return 1;
  };
  for (const std::int64_t id : {1, 2}) {
    std::vector<Unit> units;
    for (int i = 0; i < 20; ++i) {
      const bool turned = id == 2 && i % 2 == 1;
      units.push_back([&put, id, turned](Connection& connection) -> Answer {
        Answer first = put(connection, turned ? "expense" : "invoice", id);
        if (!first) return first;
        const Answer second = put(connection, turned ? "invoice" : "expense", id);
        return second ? Answer(*first + *second) : second;
      });
    }
    int added = 0;
    for (const Answer& answer : write_together(units)) {
      EXPECT_EQ(outcome(answer), "value") << id;
      added += answer.value_or(0);
    }
    EXPECT_EQ(added, 2) << id;
  }
  EXPECT_EQ(next_idn("invoice"), 3) << "no number was wasted";
  EXPECT_EQ(next_idn("expense"), 3);
}

TEST_P(DocumentConformance, AListIsNarrowedByEachOfItsFilters) {
  const auto user = ids_.next_id<model::UserId>();
  for (std::int64_t id = 1; id <= 6; ++id) {
    model::Document document = make(id);
    document.status = id % 3;
    document.approved_on = "2023-12-0" + std::to_string(id);
    document.supplier_id = id * 10;
    if (id < 5) document.enabled = id % 2 == 0;
    if (id == 4) document.created_by = user;
    document.modified_at = kNoon + std::chrono::seconds(id);
    ASSERT_EQ(outcome(insert(document)), "value");
  }
  ASSERT_EQ(outcome(insert(make(7, "expense"))), "value");
  model::Document elsewhere = make(8);
  elsewhere.workspace_id = other_workspace_;
  ASSERT_EQ(outcome(insert(elsewhere)), "value");

  using Ids = std::vector<std::string>;
  EXPECT_EQ(listed({}), (Ids{"1", "2", "3", "4", "5", "6"}));
  EXPECT_EQ(listed(by(&Filter::modified_since, kNoon + 5s)), (Ids{"5", "6"}));
  EXPECT_EQ(listed(by(&Filter::approved_from, "2023-12-05")), (Ids{"5", "6"}));
  EXPECT_EQ(listed(by(&Filter::approved_until, "2023-12-02")), (Ids{"1", "2"}));
  EXPECT_EQ(listed(with_statuses({2})), (Ids{"2", "5"}));
  EXPECT_EQ(listed(with_statuses({2, 0})), (Ids{"2", "3", "5", "6"}));
  EXPECT_EQ(listed(with_suppliers({10, 60, 70})), (Ids{"1", "6"}));
  EXPECT_EQ(listed(by(&Filter::enabled, true)), (Ids{"2", "4"}));
  EXPECT_EQ(listed(by(&Filter::enabled, false)), (Ids{"1", "3"}));
  EXPECT_EQ(listed(by(&Filter::created_by, user)), (Ids{"4"}));

  Filter several = with_statuses({1, 2});
  several.approved_from = "2023-12-02";
  several.enabled = true;
  EXPECT_EQ(listed(several), (Ids{"2", "4"}));
}

TEST_P(DocumentConformance, AListComesInPagesOfItsTotal) {
  for (const std::int64_t id : {9, 10, 2, 30}) ASSERT_EQ(outcome(insert(make(id))), "value");
  using Ids = std::vector<std::string>;
  EXPECT_EQ(listed({}, 0, 2), (Ids{"2", "9"}));
  EXPECT_EQ(listed({}, 2, 2), (Ids{"10", "30"}));
  EXPECT_EQ(listed({}, 4, 2), Ids());
  const auto page = must(
      read([&](Connection& connection) { return documents::list(connection, key(), {}, 4, 2); }));
  EXPECT_EQ(page.total, 4);
}

TEST_P(DocumentConformance, AllOfAWorkspaceComeNewestFirst) {
  for (std::int64_t id = 1; id <= 3; ++id) ASSERT_EQ(outcome(insert(make(id))), "value");
  ASSERT_EQ(outcome(insert(make(9, "expense"))), "value");
  model::Document elsewhere = make(8);
  elsewhere.workspace_id = other_workspace_;
  ASSERT_EQ(outcome(insert(elsewhere)), "value");

  const auto page = [&](const std::optional<std::string>& kind, PageRequest request) {
    return must(read([&](Connection& connection) {
      return documents::page(connection, workspace_, kind, request);
    }));
  };
  const auto first = page({}, {.limit = 3, .after = {}});
  ASSERT_EQ(first.rows.size(), 3u);
  EXPECT_EQ(first.rows[0].kind, "expense");
  EXPECT_EQ(first.rows[1].id, 3);
  EXPECT_EQ(first.rows[1].content, "");
  EXPECT_EQ(first.rows[1].summary, "3");
  ASSERT_TRUE(first.next);
  const auto second = page({}, {.limit = 3, .after = first.next});
  ASSERT_EQ(second.rows.size(), 1u);
  EXPECT_EQ(second.rows[0].id, 1);
  EXPECT_EQ(page("expense", {}).rows.size(), 1u);
}

}  // namespace waybill::store
