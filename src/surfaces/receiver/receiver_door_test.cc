// The door of what foreign platforms send: R-PQ-35 to R-PQ-49, A-PQ-5 and R-PR-17.

#include "surfaces/receiver/receiver_door.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "intake/source_secrets.h"
#include "store/sources.h"
#include "store/sqlite/sqlite_driver.h"
#include "surfaces/receiver/receiver_fixture.h"

namespace waybill::surfaces::receiver {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kSecret = "a-secret-of-procureiq";
constexpr std::string_view kUnauthorized = "401 unauthorized";

TEST_F(ReceiverTest, TakesInWhatIsSignedAndOwesItToTheHandlers) {
  const auto source = new_source({});
  new_handler(source);
  const std::string body = a_message("evt_1");
  const std::string signature = hex(crypto::hmac_sha256(as_bytes(kSecret), {body}));
  const auto answer =
      send("/in/source-1", body, {{"x-procureiq-signature", "sha256=" + signature}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"status":"ok"})");
  EXPECT_EQ(handler.bodies, std::vector<std::string>{body});
  const auto kept = messages(source);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].external_id, "evt_1");
  EXPECT_EQ(kept[0].type, "order.shipped");
  EXPECT_EQ(kept[0].address, "192.0.2.1");
  EXPECT_EQ(kept[0].body_bytes, std::ssize(body));
  EXPECT_EQ(content_of(kept[0]).body, body);
}

// R-PQ-36: the bytes, and not what they mean.
TEST_F(ReceiverTest, RefusesEveryFlippedBit) {
  const auto source = new_source({});
  const std::string body = a_message("evt_1");
  const Headers headers = signed_headers("procureiq", kSecret, body);
  for (std::size_t at = 0; at < body.size(); ++at) {
    std::string changed = body;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    ASSERT_EQ(told(send("/in/source-1", changed, headers)), kUnauthorized) << at;
  }
  const std::string& value = headers.back().value;
  for (std::size_t at = 0; at < value.size(); ++at) {
    Headers changed = headers;
    changed.back().value[at] = static_cast<char>(value[at] ^ 1);
    ASSERT_EQ(told(send("/in/source-1", body, changed)), kUnauthorized) << at;
  }
  EXPECT_TRUE(alerts(model::kMessageReceived).empty());
  EXPECT_TRUE(messages(source).empty());
}

// R-PQ-36 and R-PQ-46: whatever is wrong, the answer is the same, and helps nobody.
TEST_F(ReceiverTest, TellsNothingOfWhatWasExpected) {
  new_source({});
  const std::string body = a_message("evt_1");
  const std::string right = hex(crypto::hmac_sha256(as_bytes(kSecret), {body}));
  std::set<std::string> answers;
  for (const Headers& headers : {Headers{}, Headers{{"x-procureiq-signature", "sha256="}},
                                 Headers{{"x-procureiq-signature", "sha1=abc"}},
                                 signed_headers("procureiq", "another-secret", body)}) {
    const auto answer = send("/in/source-1", body, headers);
    EXPECT_EQ(answer.status, 401);
    EXPECT_FALSE(answer.error_code.empty());
    EXPECT_EQ(answer.body.find(right), std::string::npos);
    EXPECT_EQ(answer.body.find(kSecret), std::string::npos);
    answers.insert(answer.body);
  }
  EXPECT_EQ(answers.size(), 1u);
  EXPECT_EQ(door.counters().signature_failures, 4u);
  EXPECT_EQ(door.counters().refused, 4u);
}

TEST_F(ReceiverTest, RefusesAStaleOrFutureTimestamp) {
  const std::string secret = "whsec_" + base64(Bytes(32, 5));
  const auto source = new_source({.dialect = "standard-webhooks", .secrets = {secret}});
  const auto headers_at = [&](std::chrono::seconds off, std::string_view id) {
    const auto at = std::to_string(unix_seconds(clock.wall_now() + off));
    return signed_headers("standard-webhooks", secret, "{}",
                          {{"webhook-id", std::string(id)}, {"webhook-timestamp", at}});
  };
  EXPECT_EQ(send("/in/source-1", "{}", headers_at(0s, "a")).status, 200);
  EXPECT_EQ(send("/in/source-1", "{}", headers_at(-299s, "b")).status, 200);
  for (const auto off : {-301s, 302s}) {
    const auto answer = send("/in/source-1", "{}", headers_at(off, "c"));
    EXPECT_EQ(told(answer), kUnauthorized);
    EXPECT_EQ(answer.error_code, "timestamp_out_of_tolerance");
  }
  model::Source stricter = source;
  stricter.settings.tolerance = 10s;
  change(stricter);
  EXPECT_EQ(send("/in/source-1", "{}", headers_at(-9s, "d")).status, 200);
  EXPECT_EQ(told(send("/in/source-1", "{}", headers_at(-12s, "e"))), kUnauthorized);
}

// R-PQ-38: both verify in the overlap, and the former one no more after it.
TEST_F(ReceiverTest, AFormerSecretVerifiesUntilItExpires) {
  new_source(
      {.secrets = {"the-new-secret", std::string(kSecret)}, .last_expires_at = clock.now() + 1h});
  EXPECT_EQ(send_signed("/in/source-1", a_message("evt_1"), kSecret).status, 200);
  EXPECT_EQ(send_signed("/in/source-1", a_message("evt_2"), "the-new-secret").status, 200);
  clock.run_for(1h);
  EXPECT_EQ(told(send_signed("/in/source-1", a_message("evt_3"), kSecret)), kUnauthorized);
  EXPECT_EQ(send_signed("/in/source-1", a_message("evt_4"), "the-new-secret").status, 200);
}

TEST_F(ReceiverTest, AChangedSecretCountsAtOnce) {
  auto source = new_source({});
  EXPECT_EQ(send_signed("/in/source-1", a_message("evt_1")).status, 200);
  source.secrets = intake::seal_secrets(secret_box, source.id, {{Secret("changed-secret"), {}}});
  change(source);
  EXPECT_EQ(told(send_signed("/in/source-1", a_message("evt_2"))), kUnauthorized);
  EXPECT_EQ(send_signed("/in/source-1", a_message("evt_2"), "changed-secret").status, 200);
}

// R-PQ-37: the sender tries again, and the operator is told why.
TEST_F(ReceiverTest, AnswersASourceWithoutSecretsWith500) {
  new_source({.secrets = {}});
  const auto answer = send_signed("/in/source-1", a_message("evt_1"));
  EXPECT_EQ(told(answer), "500 secret_missing");
  EXPECT_EQ(answer.error_code, "secret_missing");
  EXPECT_EQ(count("messages"), 0);
}

// R-PQ-47.
TEST_F(ReceiverTest, ProductionAndSandboxDoNotMix) {
  new_source({});
  new_source({.secrets = {"a-secret-of-the-sandbox"}, .workspace = "acme-test"});
  const auto test = [&](std::string_view path, std::string_view environment,
                        std::string_view secret) {
    return told(send_signed(path, a_message(environment, environment), secret));
  };
  EXPECT_EQ(test("/in/source-1", "sandbox", kSecret), "403 environment_mismatch");
  EXPECT_EQ(test("/in/source-2", "production", "a-secret-of-the-sandbox"),
            "403 environment_mismatch");
  EXPECT_EQ(count("messages"), 0);
  EXPECT_EQ(test("/in/source-1", "production", kSecret), "200 ");
  EXPECT_EQ(test("/in/source-2", "sandbox", "a-secret-of-the-sandbox"), "200 ");
}

// R-PQ-39 to R-PQ-41.
TEST_F(ReceiverTest, HandlesTheSameOnceAndAnswersTheSame) {
  const auto source = new_source({});
  new_handler(source);
  const std::string body = a_message("evt_1");
  const auto first = send_signed("/in/source-1", body);
  for (int i = 0; i < 3; ++i) {
    const auto again = send_signed("/in/source-1", body);
    EXPECT_EQ(again.status, first.status);
    EXPECT_EQ(again.body, first.body);
  }
  EXPECT_EQ(handler.bodies.size(), 1u);
  EXPECT_EQ(count("events"), 1);
  EXPECT_EQ(count("deliveries"), 1);
  const auto kept = messages(source);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].duplicates, 3);
  EXPECT_EQ(kept[0].differing, 0);
  EXPECT_EQ(kept[0].last_duplicate_at, clock.now());
  EXPECT_EQ(intake.counters().accepted, 1u);
  EXPECT_EQ(intake.counters().duplicates, 3u);
}

TEST_F(ReceiverTest, NotesADuplicateWithAnotherBody) {
  const auto source = new_source({});
  new_handler(source);
  const std::string body = a_message("evt_1");
  send_signed("/in/source-1", body);
  EXPECT_EQ(send_signed("/in/source-1", a_message("evt_1", "production", R"(, "more": 1)")).status,
            200);
  EXPECT_EQ(handler.bodies, std::vector<std::string>{body});
  const auto kept = messages(source);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].differing, 1);
  EXPECT_EQ(intake.counters().differing, 1u);
}

TEST_F(ReceiverTest, TheSameIdIsAnotherMessageForAnotherSource) {
  new_source({});
  new_source({.secrets = {"another-secret"}});
  send_signed("/in/source-1", a_message("evt_1"));
  send_signed("/in/source-2", a_message("evt_1"), "another-secret");
  EXPECT_EQ(count("messages"), 2);
}

// R-PQ-40: thirty days unless the source says otherwise.
TEST_F(ReceiverTest, ForgetsWhatIsOlderThanItRemembers) {
  new_source({});
  model::SourceSettings forgetful;
  forgetful.remember = 2h;
  new_source({.secrets = {"another-secret"}, .settings = forgetful});
  const auto send_both = [&] {
    send_signed("/in/source-1", a_message("evt_1"));
    send_signed("/in/source-2", a_message("evt_1"), "another-secret");
    return count("messages");
  };
  EXPECT_EQ(send_both(), 2);
  clock.run_for(2h);
  EXPECT_EQ(send_both(), 2);
  clock.run_for(1ms);
  EXPECT_EQ(send_both(), 3);
  clock.run_for(30 * 24h);
  EXPECT_EQ(send_both(), 5);
}

// R-PR-17: Precoro signs nothing and has no ids; the same within thirty seconds is the same.
TEST_F(ReceiverTest, TakesInADialectThatSignsNothingByItsToken) {
  const auto source = new_source({.dialect = "precoro", .secrets = {}});
  new_handler(source);
  const std::string body = R"({"id": 7, "idn": "PO-7", "type": 2, "action": 1})";
  EXPECT_EQ(send("/in/source-1", body, {}).status, 200);
  clock.run_for(30s);
  EXPECT_EQ(send("/in/source-1", body, {}).status, 200);
  EXPECT_EQ(handler.bodies.size(), 1u);
  clock.run_for(1s);
  EXPECT_EQ(send("/in/source-1", body, {}).status, 200);
  EXPECT_EQ(handler.bodies.size(), 2u);
  EXPECT_EQ(messages(source).back().type, "purchase_order.update");
}

TEST_F(ReceiverTest, RefusesWhatIsNoMessageOfTheDialect) {
  new_source({});
  for (const std::string_view body : {"{}", "", "no JSON", "[1]", R"({"id": 1})"}) {
    EXPECT_EQ(told(send_signed("/in/source-1", body)), "400 message_unfit") << body;
  }
  EXPECT_EQ(count("messages"), 0);
}

TEST_F(ReceiverTest, AnUnknownTokenIsNotFound) {
  const auto source = new_source({});
  for (const std::string_view path : {"/in/source-2", "/in/x", "/in/SOURCE-1"}) {
    EXPECT_EQ(told(send_signed(path, a_message("evt_1"))), "404 source_not_found") << path;
  }
  new_source({.secrets = {"another-secret"}});
  EXPECT_EQ(send_signed("/in/source-2", a_message("evt_1"), "another-secret").status, 200)
      << "that there was none is not remembered beyond the next change";
  model::Source deleted = source;
  deleted.state = model::SourceState::kDeleted;
  EXPECT_EQ(send_signed("/in/source-1", a_message("evt_2")).status, 200);
  change(deleted);
  EXPECT_EQ(told(send_signed("/in/source-1", a_message("evt_3"))), "404 source_not_found");
}

// A-PQ-5: the receipt waits for no handler, and fails for none.
TEST_F(ReceiverTest, AnswersWhateverTheHandlersDo) {
  const auto source = new_source({});
  new_handler(source);
  handler.outcome = model::Outcome::kRefused;
  EXPECT_EQ(send_signed("/in/source-1", a_message("evt_1")).status, 200);
  EXPECT_EQ(send_signed("/in/source-1", a_message("evt_1")).status, 200);
  EXPECT_EQ(handler.bodies.size(), 1u) << "that it failed does not make it new";
}

TEST_F(ReceiverTest, KeepsWhatIsReceivedForASourceWithoutHandlers) {
  const auto source = new_source({});
  EXPECT_EQ(send_signed("/in/source-1", a_message("evt_1")).status, 200);
  EXPECT_EQ(messages(source).size(), 1u);
  EXPECT_EQ(count("deliveries"), 0);
}

TEST_F(ReceiverTest, KeepsTheExactBytesAlsoOfWhatIsNoText) {
  const auto source = new_source({.dialect = "peptideclients", .secrets = {"a-secret-of-peptide"}});
  new_handler(source);
  std::string body = "{\"a\": \"\xff\xfe\", \"b\": \"";
  body += std::string("\0\r\n", 3);
  body += "\"}";
  const auto answer = send("/in/source-1", body,
                           signed_headers("peptideclients", "a-secret-of-peptide", body,
                                          {{"X-PC-Event-Id", "1"}, {"X-PC-Event-Type", "x"}}));
  EXPECT_EQ(answer.status, 200) << answer.body;
  ASSERT_EQ(messages(source).size(), 1u);
  EXPECT_EQ(content_of(messages(source)[0]).body, body);
  EXPECT_EQ(handler.bodies, std::vector<std::string>{body});
}

TEST_F(ReceiverTest, KeepsHeadersButThoseOfTheConnection) {
  const auto source = new_source({});
  const std::string body = a_message("evt_1");
  Headers headers = {{"Host", "hub.example"},
                     {"Authorization", "Bearer x"},
                     {"Cookie", "a=b"},
                     {"X-Forwarded-For", "203.0.113.9"},
                     {"Proxy-Authorization", "x"},
                     {"Transfer-Encoding", "chunked"},
                     {"X-Own", "kept"}};
  for (int i = 0; i < 100; ++i) headers.push_back({fmt::format("X-Many-{}", i), "y"});
  send("/in/source-1", body, signed_headers("procureiq", kSecret, body, headers));
  const auto content = content_of(messages(source).at(0));
  EXPECT_EQ(content.headers.size(), intake::Receiver::kHeadersMax);
  EXPECT_EQ(content.headers.front().name, "x-procureiq-signature");
  EXPECT_EQ(content.headers.at(1).name, "X-Own");
  for (const net::Header& header : content.headers) {
    EXPECT_TRUE(header.name.starts_with("X-Many-") || header.name == "X-Own" ||
                header.name == "x-procureiq-signature")
        << header.name;
  }
}

// The path of the platforms' own samples: the secret tells whose it is.
TEST_F(ReceiverTest, FindsTheSourceOfAPlatformByItsSignature) {
  const auto first = new_source({});
  const auto second = new_source({.secrets = {"another-secret"}, .workspace = "acme-test"});
  new_source({.dialect = "proign", .secrets = {"a-third-secret"}});
  EXPECT_EQ(send_signed("/webhooks/procureiq", a_message("evt_1")).status, 200);
  EXPECT_EQ(
      send_signed("/webhooks/procureiq", a_message("evt_2", "sandbox"), "another-secret").status,
      200);
  EXPECT_EQ(messages(first).size(), 1u);
  EXPECT_EQ(messages(second).size(), 1u);
  EXPECT_EQ(told(send_signed("/webhooks/procureiq", a_message("evt_3"), "a-third-secret")),
            kUnauthorized)
      << "a secret is one of its dialect";
  EXPECT_EQ(told(send_signed("/webhooks/procureiq", a_message("evt_3"), "nobodys-secret")),
            kUnauthorized);
}

TEST_F(ReceiverTest, HasAPathOfPlatformsThatSignAlone) {
  new_source({.dialect = "precoro", .secrets = {}});
  EXPECT_EQ(told(send("/webhooks/precoro", R"({"id": 7})", {})), "404 dialect_unsigned");
  EXPECT_EQ(told(send("/webhooks/nothing", "{}", {})), "404 source_not_found");
  EXPECT_EQ(told(send("/webhooks/procureiq", "{}", {})), "404 source_not_found")
      << "no workspace has one";
}

// A source without secrets is no source that anything was signed for.
TEST_F(ReceiverTest, ASourceWithoutSecretsKeepsNoOtherFromItsMessages) {
  new_source({.secrets = {}});
  new_source({});
  EXPECT_EQ(send_signed("/webhooks/procureiq", a_message("evt_1")).status, 200);
  EXPECT_EQ(told(send_signed("/webhooks/procureiq", a_message("evt_2"), "x-secret")),
            kUnauthorized);
}

// Nobody can have the hub hash for nothing; and nobody is kept out by who does.
TEST_F(ReceiverTest, LimitsWhatIsHashedInVain) {
  new_source({});
  new_source({.secrets = {"another-secret"}});
  const std::string large(1024 * 1024, ' ');
  int refused = 0;
  net::Response last;
  while (refused < 200 && last.status != 429) {
    last = send_signed("/in/source-1", large, "nobodys-secret");
    ++refused;
  }
  ASSERT_EQ(told(last), "429 rate_limited");
  EXPECT_GT(refused, 10);
  EXPECT_EQ(send_signed("/in/source-2", a_message("evt_1"), "another-secret").status, 200)
      << "another source is not concerned";
  clock.run_for(2s);
  EXPECT_EQ(send_signed("/in/source-1", a_message("evt_1")).status, 200);
}

// A platform's path is searched among all its sources, of all workspaces: what that costs is not
// the fault of who signed properly.
TEST_F(ReceiverTest, TakesWhatIsSignedHoweverManySourcesAPlatformHas) {
  for (int i = 0; i < 30; ++i) new_source({.secrets = {fmt::format("another-secret-{}", i)}});
  const auto last = new_source({});
  const std::string large =
      a_message("evt_1", "production", fmt::format(R"(, "more": "{}")", std::string(700'000, 'x')));
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(told(send_signed("/webhooks/procureiq", large)), "200 ") << i;
  }
  EXPECT_EQ(messages(last).size(), 1u);
  EXPECT_EQ(told(send_signed("/webhooks/procureiq", large, "nobodys-secret")), kUnauthorized);
  EXPECT_EQ(told(send_signed("/webhooks/procureiq", large, "nobodys-secret")), "429 rate_limited")
      << "what nobody has signed is paid for afterwards";
}

// To verify by a public key takes as long as to hash a lot, however small the body.
TEST_F(ReceiverTest, LimitsTheSignaturesThatAreVerifiedInVain) {
  const auto& dialect = *dialects.find("standard-webhooks");
  const std::string secret = "whsk_" + base64(Bytes(32, 9));
  new_source(
      {.dialect = "standard-webhooks", .secrets = {dialect.verification_key(Secret(secret))}});
  const auto headers_of = [&](const std::string& key, std::string_view id) {
    const auto at = std::to_string(unix_seconds(clock.wall_now()));
    return signed_headers("standard-webhooks", key, "{}",
                          {{"webhook-id", std::string(id)}, {"webhook-timestamp", at}});
  };
  EXPECT_EQ(send("/in/source-1", "{}", headers_of(secret, "a")).status, 200)
      << "the public key is enough to verify by";
  const std::string nobodys = "whsk_" + base64(Bytes(32, 8));
  int refused = 0;
  net::Response last;
  while (refused < 200 && last.status != 429) {
    last = send("/in/source-1", "{}", headers_of(nobodys, "b"));
    ++refused;
  }
  EXPECT_EQ(told(last), "429 rate_limited");
  EXPECT_GT(refused, 10);
}

// The answer tells a sender little: its operator finds the reason in the log.
TEST_F(ReceiverTest, TellsTheLogWhyAndNotTooOften) {
  const auto source = new_source({});
  Log loud(Log::Level::kInfo);
  ReceiverDoor told{{.clock = clock,
                     .log = loud,
                     .dialects = dialects,
                     .sources = sources,
                     .receiver = intake,
                     .dispatcher = dispatcher,
                     .watch = watch}};
  net::Router routes;
  told.add_routes(routes);
  const auto logged = [&](int times, std::string_view path, std::string_view body,
                          std::string_view secret = "another-secret") {
    testing::internal::CaptureStderr();
    for (int i = 0; i < times; ++i) {
      net::Request request;
      request.method = "POST";
      request.path = path;
      request.body = body;
      request.peer = "192.0.2.1";
      request.headers = signed_headers("procureiq", secret, body);
      net::Router::Miss miss;
      run((*routes.find(request, miss))(request));
    }
    return testing::internal::GetCapturedStderr();
  };
  const std::string one = logged(1, "/in/source-1", a_message("evt_1"));
  for (const std::string_view part :
       {std::string_view("message_refused"), std::string_view("signature_mismatch"),
        std::string_view("192.0.2.1")}) {
    EXPECT_TRUE(one.contains(part)) << part << ": " << one;
  }
  EXPECT_TRUE(one.contains(source.id.text())) << one;
  EXPECT_FALSE(one.contains("another-secret"));
  EXPECT_TRUE(logged(1, "/in/source-1", a_message("evt_1", "sandbox"), kSecret)
                  .contains("environment_mismatch"));
  EXPECT_TRUE(logged(1, "/in/nobodys", "{}").contains("source_not_found"));

  clock.run_for(1s);
  const std::string many = logged(3 * ReceiverDoor::kNotedPerSecond, "/in/source-1", "{}");
  EXPECT_EQ(std::ranges::count(many, '\n'), ReceiverDoor::kNotedPerSecond);
  clock.run_for(1s);
  EXPECT_NE(logged(1, "/in/source-1", "{}"), "");
}

TEST_F(ReceiverTest, LeavesOutASourceWhoseSecretsCannotBeOpened) {
  const auto broken = new_source({});
  const auto whole = new_source({.secrets = {"another-secret"}});
  const auto spoilt = run(database->run([&](store::Connection& connection) {
    return connection.execute("UPDATE sources SET secrets = $1 WHERE id = $2",
                              {ByteView(Bytes(40, 1)), broken.id});
  }));
  ASSERT_TRUE(spoilt.has_value()) << spoilt.error().message;
  Log loud(Log::Level::kInfo);
  SourceDirectory directory(*database, dialects, secret_box, loud);
  testing::internal::CaptureStderr();
  const auto found = run(directory.of_dialect("procureiq"));
  const std::string logged = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(found.has_value());
  ASSERT_EQ((*found)->size(), 1u);
  EXPECT_EQ((*found)->front()->source.id, whole.id);
  EXPECT_TRUE(logged.contains("source_not_opened")) << logged;
  EXPECT_TRUE(logged.contains(broken.id.text())) << logged;
}

TEST_F(ReceiverTest, LimitsTheSearchForTokens) {
  new_source({});
  EXPECT_EQ(send_signed("/in/source-1", a_message("evt_1")).status, 200);
  net::Response last;
  int looked = 0;
  while (looked < 5'000 && last.status != 429) {
    last = send(fmt::format("/in/guess-{}", looked++), "{}", {});
  }
  ASSERT_EQ(told(last), "429 rate_limited");
  EXPECT_GT(looked, 100);
  EXPECT_EQ(send_signed("/in/source-1", a_message("evt_2")).status, 200)
      << "who is known behind the same address is let in";
}

// What nodes tell each other, and what is not told: store/changes.h.
TEST_F(ReceiverTest, ADirectoryThatMayNotHearRemembersNothing) {
  auto source = new_source({});
  EXPECT_EQ(send_signed("/in/source-1", a_message("evt_1")).status, 200);
  sources.trust(false);
  source.secrets = intake::seal_secrets(secret_box, source.id, {{Secret("changed-secret"), {}}});
  const auto updated = run(database->run(
      [&](store::Connection& connection) { return store::sources::update(connection, source); }));
  ASSERT_TRUE(updated.has_value());
  EXPECT_EQ(told(send_signed("/in/source-1", a_message("evt_2"))), kUnauthorized);
  EXPECT_EQ(send_signed("/in/source-1", a_message("evt_2"), "changed-secret").status, 200);
}

// One app's secret in two sources: nobody could say whose a message is, but for the address.
TEST_F(ReceiverTest, ASignatureOfSeveralSourcesIsOfNoneAtThePathOfThePlatform) {
  const auto first = new_source({});
  const auto second = new_source({});
  const auto answer = send_signed("/webhooks/procureiq", a_message("evt_1"));
  EXPECT_EQ(told(answer), "409 source_ambiguous");
  EXPECT_NE(answer.body.find("/in/"), std::string::npos);
  EXPECT_EQ(count("messages"), 0);
  EXPECT_EQ(send_signed("/in/source-1", a_message("evt_1")).status, 200);
  EXPECT_EQ(send_signed("/in/source-2", a_message("evt_1")).status, 200);
  EXPECT_EQ(messages(first).size(), 1u);
  EXPECT_EQ(messages(second).size(), 1u);
}

// Which of them takes old messages does not tell which of them is meant.
TEST_F(ReceiverTest, ASignatureOfSeveralSourcesIsOfNoneAlsoIfOnlyOneTakesItsTime) {
  const std::string secret = "whsec_" + base64(Bytes(32, 5));
  model::SourceSettings patient;
  patient.tolerance = 24h;
  new_source({.dialect = "standard-webhooks", .secrets = {secret}});
  new_source({.dialect = "standard-webhooks", .secrets = {secret}, .settings = patient});
  const auto at = std::to_string(unix_seconds(clock.wall_now() - 10min));
  const auto headers = signed_headers("standard-webhooks", secret, "{}",
                                      {{"webhook-id", "a"}, {"webhook-timestamp", at}});
  EXPECT_EQ(told(send("/webhooks/standard-webhooks", "{}", headers)), "409 source_ambiguous");
}

// R-PQ-37, at the path of the platform.
TEST_F(ReceiverTest, AnswersAPlatformOfWhichNoSourceHasASecretWith500) {
  new_source({.secrets = {}});
  new_source({.secrets = {std::string(kSecret)}, .last_expires_at = clock.now()});
  EXPECT_EQ(told(send_signed("/webhooks/procureiq", a_message("evt_1"))), "500 secret_missing");
  EXPECT_EQ(count("messages"), 0);
  new_source({.secrets = {"another-secret"}});
  EXPECT_EQ(told(send_signed("/webhooks/procureiq", a_message("evt_1"))), kUnauthorized);
}

// R-PQ-47: the same secret must not be of both environments, even while it expires.
TEST_F(ReceiverTest, ASecretIsOfOneEnvironmentOfItsDialect) {
  const auto production =
      new_source({.secrets = {"new", "former"}, .last_expires_at = clock.now()});
  const auto beside = new_source({.secrets = {"another"}});
  const auto sandbox = new_source({.secrets = {"another"}, .workspace = "acme-test"});
  auto other_dialect = sandbox;
  other_dialect.dialect = "proign";
  const auto check = [&](const model::Source& own, std::string secret) {
    const auto checked = run(database->run([&](store::Connection& connection) {
      return intake::check_environment_of(connection, secret_box, own, Secret(secret));
    }));
    return checked ? std::string() : checked.error().reason;
  };
  EXPECT_EQ(check(sandbox, "new"), "secret_in_use");
  EXPECT_EQ(check(sandbox, "former"), "secret_in_use");
  EXPECT_EQ(check(sandbox, "third"), "");
  EXPECT_EQ(check(beside, "new"), "");
  EXPECT_EQ(check(production, "new"), "");
  EXPECT_EQ(check(other_dialect, "new"), "");
}

// W-5: the shop tries the address out before it signs, and is answered 200.
TEST_F(ReceiverTest, AnswersWooCommercesPing) {
  new_source({.dialect = "woocommerce", .secrets = {"a-secret-of-the-shop"}});
  for (const std::string_view path : {"/in/source-1", "/webhooks/woocommerce"}) {
    const auto answer =
        send(path, "webhook_id=17", {{"Content-Type", "application/x-www-form-urlencoded"}});
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_EQ(answer.body, R"({"ok":true})");
  }
  EXPECT_EQ(told(send("/in/source-1", "webhook_id=17&more=1", {})), kUnauthorized);
  EXPECT_EQ(count("messages"), 0);
  EXPECT_EQ(intake.counters().pings, 1u);
}

// Its challenge is signed as everything is, and given back as it came.
TEST_F(ReceiverTest, AnswersSlacksChallenge) {
  const std::string secret = "8f742231b10e8888abcd99yyyzzz85a5";
  new_source({.dialect = "slack", .secrets = {secret}});
  const std::string body = R"({"type": "url_verification", "challenge": "3eZbrw1a"})";
  const Headers headers = signed_headers(
      "slack", secret, body,
      {{"X-Slack-Request-Timestamp", std::to_string(unix_seconds(clock.wall_now()))}});
  const auto answer = send("/in/source-1", body, headers);
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.body, "3eZbrw1a");
  const std::string* type = net::find_header(answer.headers, "Content-Type");
  ASSERT_NE(type, nullptr);
  EXPECT_TRUE(type->starts_with("text/plain")) << *type;
  EXPECT_EQ(told(send("/in/source-1", body, {})), kUnauthorized);
  EXPECT_EQ(count("messages"), 0);
}

TEST_F(ReceiverTest, TellsWhatItTakesInItsOwnWords) {
  new_source({});
  net::Request request;
  request.method = "GET";
  request.path = "/in/source-1";
  net::Router::Miss miss;
  EXPECT_EQ(router.find(request, miss), nullptr);
  const auto refused = ReceiverDoor::render_miss(miss);
  EXPECT_EQ(told(refused), "405 method_not_allowed");
  const std::string* allowed = net::find_header(refused.headers, "Allow");
  ASSERT_NE(allowed, nullptr);
  EXPECT_EQ(*allowed, "POST");
  EXPECT_EQ(told(ReceiverDoor::render_error(
                Error(Code::kTooLarge, "body_too_large", "The body is too large."))),
            "413 body_too_large");
}

// What cannot be written down is not taken: its sender comes again.
TEST_F(ReceiverTest, AnswersWhileTheStoreIsBusyWith503) {
  new_source({});
  const auto impatient = run(database->run([](store::Connection& connection) {
    return connection.query("PRAGMA busy_timeout = 1", {}, [](const store::Row&) {});
  }));
  ASSERT_TRUE(impatient);
  const auto other =
      *store::SqliteDriver(folder / "waybill.db").connect(store::Connection::Access::kWrite);
  ASSERT_TRUE(other->begin(store::Connection::Access::kWrite));
  const auto answer = send_signed("/in/source-1", a_message("evt_1"));
  EXPECT_EQ(told(answer), "503 database_unavailable");
  const std::string* wait = net::find_header(answer.headers, "Retry-After");
  ASSERT_NE(wait, nullptr);
  EXPECT_EQ(*wait, "1");
  other->rollback();
  EXPECT_EQ(count("messages"), 0);
  EXPECT_EQ(send_signed("/in/source-1", a_message("evt_1")).status, 200);
}

}  // namespace
}  // namespace waybill::surfaces::receiver
