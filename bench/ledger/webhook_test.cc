#include "bench/ledger/webhook.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace waybill::bench {
namespace {

using testing::HasSubstr;

constexpr std::string_view kBody =
    R"({"id":"01941f29-7c00-7ccc-8000-000000000003","type":"order.created",)"
    R"("time":"2026-11-21T04:30:00.123Z","workspace":"acme","data":{"order":{)"
    R"("id":"01941f29-7c00-7aaa-8000-000000000001","orderNumber":"PO-1",)"
    R"("supplierId":"01941f29-7c00-7bbb-8000-000000000002","supplierName":"Acme Paper Ltd",)"
    R"("status":"needs_review","linesCount":2}}})";

std::string with(std::string_view from, std::string_view to) {
  std::string body(kBody);
  return body.replace(body.find(from), from.size(), to);
}

TEST(Verifier, SignsAsRfc4231SaysTimeAfterTime) {
  Verifier verifier("Jefe");
  for (int again = 0; again < 3; ++again) {
    EXPECT_EQ(verifier.sign("what do ya want for nothing?"),
              "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  }
}

TEST(Verifier, ReadsWhatIsSigned) {
  Verifier verifier("secret");
  const auto read = verifier.read("order.created", verifier.sign(kBody), kBody);
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(id_text(read->event_id), "01941f29-7c00-7ccc-8000-000000000003");
  EXPECT_EQ(id_text(read->order_id), "01941f29-7c00-7aaa-8000-000000000001");
  EXPECT_EQ(read->number, "PO-1");
  EXPECT_EQ(read->workspace, "acme");
  EXPECT_EQ(read->supplier_name, "Acme Paper Ltd");
  EXPECT_EQ(read->status, "needs_review");
  EXPECT_EQ(read->lines, 2);
}

TEST(Verifier, RefusesAnySignatureButTheBodys) {
  Verifier verifier("secret");
  std::string signature = verifier.sign(kBody);
  EXPECT_FALSE(verifier.read("order.created", "", kBody));
  EXPECT_FALSE(verifier.read("order.created", signature.substr(0, 70), kBody));
  EXPECT_FALSE(verifier.read("order.created", signature, with("PO-1", "PO-2")));
  EXPECT_FALSE(verifier.read("order.created", Verifier("other").sign(kBody), kBody));
  signature.back() = signature.back() == '0' ? '1' : '0';
  EXPECT_FALSE(verifier.read("order.created", signature, kBody));
}

TEST(Verifier, SaysWhatIsWrongWithASignedBody) {
  struct Case {
    std::string body, complaint;
  };
  Verifier verifier("secret");
  for (const Case& c :
       {Case{"{", "no JSON"}, Case{"[]", "no data.order"}, Case{"{\"data\":3}", "no data.order"},
        Case{with("01941f29-7c00-7ccc", "01941f29-7c00"), "event's id"},
        Case{with("7aaa", "7AAA"), "order's id"},
        Case{with("order.created", "order.failed"), "not order.created"},
        Case{with("04:30:00.123Z", "04:30"), "time"}, Case{with("7bbb", "7bb"), "supplier's id"},
        Case{with("\"linesCount\":2", "\"linesCount\":\"2\""), "linesCount"}}) {
    const auto read = verifier.read("order.created", verifier.sign(c.body), c.body);
    ASSERT_FALSE(read) << c.body;
    EXPECT_THAT(read.error(), HasSubstr(c.complaint));
  }
  EXPECT_THAT(verifier.read("order.failed", verifier.sign(kBody), kBody).error(),
              HasSubstr("X-ProcuLink-Event is 'order.failed'"));
}

}  // namespace
}  // namespace waybill::bench
