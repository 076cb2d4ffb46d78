#include "model/trace_context.h"

#include <gtest/gtest.h>

namespace waybill::model {
namespace {

// The example of the standard (§3.2.3).
constexpr std::string_view kParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceContext, ReadsTheStandardsOwnExample) {
  const TraceContext trace = read_trace_context(kParent, "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7");
  EXPECT_EQ(trace.parent, kParent);
  EXPECT_EQ(trace.state, "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7");
}

TEST(TraceContext, WhatIsNotValidCountsAsNone) {
  for (const std::string_view text : {
           "",
           "00",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0G",
           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
           "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
       }) {
    const TraceContext trace = read_trace_context(text, "a=1");
    EXPECT_TRUE(trace.empty()) << text;
    EXPECT_EQ(trace.state, "") << text;
  }
}

TEST(TraceContext, OfALaterVersionWhatIsKnownIsRead) {
  EXPECT_EQ(
      read_trace_context("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes", "")
          .parent,
      kParent);
}

TEST(TraceContext, AStateThatIsTooLongOrNotPrintableIsLeftOut) {
  EXPECT_EQ(read_trace_context(kParent, std::string(512, 'a')).state.size(), 512u);
  EXPECT_EQ(read_trace_context(kParent, std::string(513, 'a')).state, "");
  EXPECT_EQ(read_trace_context(kParent, "a=\r\nSet-Cookie: b").state, "");
  EXPECT_EQ(read_trace_context(kParent, "a=\xc3\xa9").state, "");
}

TEST(TraceContext, TheNextHasTheSameTraceAndFlagsAndAParentOfItsOwn) {
  EXPECT_EQ(next_traceparent(read_trace_context(kParent, ""), 0xabc),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000abc-01");
}

}  // namespace
}  // namespace waybill::model
