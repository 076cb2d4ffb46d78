#include "app/cli/output.h"

#include <gtest/gtest.h>

namespace waybill::app::cli {
namespace {

json::value read(std::string_view text) { return parse_json(text).value(); }

TEST(Output, AlignsTablesByCharactersAndNumbersToTheRight) {
  const json::value rows = read(
      R"([{"id": "sup_1", "name": "Nordic Lab Supply OÜ", "n": 7, "in": {"ner": true}},
          {"id": "sup_22", "name": "Acme", "n": 1200, "in": null},
          {"id": "sup_3"}])");

  EXPECT_EQ(render_table({{"ID", "id"}, {"NAME", "name"}, {"N", "n"}, {"INNER", "in.ner"}},
                         rows.get_array()),
            "ID      NAME                     N  INNER\n"
            "sup_1   Nordic Lab Supply OÜ     7  yes\n"
            "sup_22  Acme                  1200  -\n"
            "sup_3   -                        -  -\n");
}

TEST(Output, DescribesAnObjectWithWhatIsInsideIt) {
  const json::value endpoint = read(
      R"({"id": "ep_1", "retry": null, "event_types": ["a", "b"], "effective": {"timeout": "30s"},
          "attempts": [{"number": 1, "outcome": "refused"}], "data": {"a": [1]}})");

  EXPECT_EQ(describe(endpoint.get_object()),
            "id                 ep_1\n"
            "retry              -\n"
            "event_types        a, b\n"
            "effective.timeout  30s\n"
            "\n"
            "attempts:\n"
            "  number  outcome\n"
            "       1  refused\n"
            "\n"
            "data:\n"
            "  {\n"
            "    \"a\": [\n"
            "      1\n"
            "    ]\n"
            "  }\n");
}

TEST(Output, LetsNobodySteerTheTerminal) {
  EXPECT_EQ(printable("a\x1b[31mb\r\n\x7f"), "a\\x1b[31mb\\x0d\\n\\x7f");
  EXPECT_EQ(printable("a\nb", /*keep_lines=*/true), "a\nb");
  EXPECT_EQ(printable("\xc2\x9b[31m \xc2\xa0 ä"), "\\x9b[31m \xc2\xa0 ä");
  const json::value rows = read(R"([{"a": "\u001b]0;owned\u0007"}])");
  EXPECT_EQ(render_table({{"A", "a"}}, rows.get_array()), "A\n\\x1b]0;owned\\x07\n");
}

}  // namespace
}  // namespace waybill::app::cli
