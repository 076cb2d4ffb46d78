#include "app/cli/handler_spec.h"

#include <gtest/gtest.h>

#include "app/cli/command.h"

namespace waybill::app::cli {
namespace {

TEST(HandlerSpec, EachKindIsWhatTheApiTakes) {
  const struct {
    std::string_view spec;
    std::string_view json;
  } cases[] = {
      {"https://example.com/in?a=b#c",
       R"({"channel":"http","settings":{},"url":"https://example.com/in?a=b#c"})"},
      {"http://[::1]:8080/", R"({"channel":"http","settings":{},"url":"http://[::1]:8080/"})"},
      {"command:/bin/cat", R"({"channel":"command","settings":{"command":["/bin/cat"]}})"},
      {R"(command:/bin/sh -c "echo 'a b'" \ x '' '\')",
       R"({"channel":"command","settings":{"command":["/bin/sh","-c","echo 'a b'"," x","","\\"]}})"},
      {"file:orders", R"({"channel":"file","settings":{"name":"orders"}})"},
      {"redis://:p%40ss@localhost:6379/2?stream=web%20hooks&maxlen=1000",
       R"({"channel":"redis","settings":{"url":"redis://:p%40ss@localhost:6379/2",)"
       R"("stream":"web hooks","maxlen":1000}})"},
      {"redis://[::1]:6379?stream=s",
       R"({"channel":"redis","settings":{"url":"redis://[::1]:6379","stream":"s"}})"},
      {"amqp://u:p@mq:5672/%2f?exchange=hooks&routing_key=a.b",
       R"({"channel":"amqp","settings":{"url":"amqp://u:p@mq:5672/%2f","exchange":"hooks",)"
       R"("routing_key":"a.b"}})"},
      {"kafka://a:9092,b:9092/hooks?key=%7Bbody.id%7D",
       R"({"channel":"kafka","settings":{"brokers":"a:9092,b:9092","topic":"hooks",)"
       R"("key":"{body.id}"}})"},
      {"postgresql://u:p@db:5432/shop?table=inbox&sslmode=require",
       R"({"channel":"sql","settings":{"table":"inbox",)"
       R"("url":"postgresql://u:p@db:5432/shop?sslmode=require"}})"},
      {"publish", R"({"channel":"publish","settings":{}})"},
      {"fetch", R"({"channel":"fetch","settings":{}})"},
  };
  for (const auto& [spec, json] : cases) {
    const auto handler = parse_handler_spec(spec);
    ASSERT_TRUE(handler.has_value()) << spec << ": " << handler.error().message;
    EXPECT_EQ(write_json(*handler), json) << spec;
  }
}

TEST(HandlerSpec, SaysWhichPartIsWrong) {
  const struct {
    std::string_view spec;
    std::string_view says;
  } cases[] = {
      {"ftp://example.com", "begins with 'ftp'"},
      {"", "A handler is"},
      {"command:cat", "whole path"},
      {"command:", "whole path"},
      {"command:/bin/sh 'a", "quote"},
      {"command:/bin/sh \\", "backslash"},
      {"file:", "name of a file"},
      {"redis://?stream=s", "no host"},
      {"redis://:secret@?stream=s", "no host"},
      {"redis://[::1?stream=s", "no ]"},
      {"redis://localhost", "\"stream\""},
      {"redis://localhost?stream=a&stream=b", "twice"},
      {"redis://localhost?steam=a", "no \"steam\""},
      {"redis://localhost?stream=%zz", "name=value"},
      {"redis://localhost?stream", "name=value"},
      {"kafka://localhost:9092", "no topic"},
      {"kafka://localhost:9092/", "no topic"},
      {"postgresql://u:secret@db/shop", "\"table\""},
  };
  for (const auto& [spec, says] : cases) {
    const auto handler = parse_handler_spec(spec);
    ASSERT_FALSE(handler.has_value()) << spec;
    EXPECT_EQ(handler.error().reason, kUsage) << spec;
    EXPECT_NE(handler.error().message.find(says), std::string::npos) << handler.error().message;
    EXPECT_EQ(handler.error().message.find("secret"), std::string::npos);
  }
}

TEST(HandlerSpec, SettingsCanBeNamedOneByOne) {
  auto handler = parse_handler_spec("fetch").value();
  ASSERT_TRUE(add_settings(handler, {"base_url=https://api.example.com/?a=b", "token=12",
                                     "maxlen=12", "empty="})
                  .has_value());
  EXPECT_EQ(write_json(handler),
            R"({"channel":"fetch","settings":{"base_url":"https://api.example.com/?a=b",)"
            R"("token":"12","maxlen":12,"empty":""}})");
  EXPECT_FALSE(add_settings(handler, {"token"}).has_value());
  EXPECT_FALSE(add_settings(handler, {"=t"}).has_value());
}

}  // namespace
}  // namespace waybill::app::cli
