// What is kept of WooCommerce: statuses, states of orders, words about clients, shops.

#include <tuple>

#include "conformance/store_conformance.h"
#include "store/woocommerce.h"

namespace waybill::store {
namespace {

namespace wc = model::woocommerce;

auto fields(const wc::Shop& s) {
  return std::tuple(s.workspace_id, s.store_id, s.url, s.consumer_key, s.sealed_consumer_secret,
                    s.is_enabled, s.good_until, s.last_run_at, s.last_success_at, s.failure_reason,
                    s.failure, s.last_read, s.last_changed, s.created_at, s.updated_at);
}

}  // namespace

TEST_P(StoreConformance, AStatusMeansWhatIsSaidOfItThenWhatTheHubSaysThenWhatAnyOtherMeans) {
  const auto meaning = [&](std::string_view status, const model::WorkspaceId& workspace) {
    return wc::action_name(must(read([&](Connection& connection) {
      return woocommerce::find_action(connection, workspace, status);
    })));
  };
  const auto set = [&](std::string_view status, wc::Action action) {
    must(write([&](Connection& connection) -> Result<int> {
      WAYBILL_TRY(woocommerce::set_action(connection, workspace_, status, action));
      return 0;
    }));
  };
  EXPECT_EQ(meaning("processing", workspace_), "paid");
  EXPECT_EQ(meaning("odd", workspace_), "unpaid");
  set("processing", wc::Action::kUnpaid);
  set("processing", wc::Action::kDelivered);
  set("*", wc::Action::kIgnore);
  EXPECT_EQ(meaning("processing", workspace_), "delivered");
  EXPECT_EQ(meaning("completed", workspace_), "delivered") << "a row of the hub's";
  EXPECT_EQ(meaning("odd", workspace_), "ignore");
  EXPECT_EQ(meaning("odd", model::WorkspaceId(ids_.next())), "unpaid") << "another workspace";
  const auto reset = [&](std::string_view status) {
    return must(write([&](Connection& connection) {
      return woocommerce::reset_action(connection, workspace_, status);
    }));
  };
  EXPECT_TRUE(reset("processing"));
  EXPECT_FALSE(reset("processing"));
  EXPECT_EQ(meaning("processing", workspace_), "paid");
}

TEST_P(StoreConformance, TheStateOfAWooCommerceOrderIsFoundAsItWasPut) {
  const woocommerce::Key key{workspace_, model::StoreId(ids_.next()), "727"};
  const auto find = [&](const woocommerce::Key& of) {
    return must(
        read([&](Connection& connection) { return woocommerce::find_state(connection, of); }));
  };
  EXPECT_FALSE(find(key).has_value());
  wc::OrderState state;
  for (const bool refunded : {false, true}) {
    state.is_created = true;
    state.is_refunded = refunded;
    state.client = {{Timestamp(std::chrono::seconds(7)), 3, "digest"}, "guest:ä@example.com"};
    must(write([&](Connection& connection) -> Result<int> {
      WAYBILL_TRY(woocommerce::put_state(connection, key, state));
      return 0;
    }));
    const auto found = find(key);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(wc::write_state(*found), wc::write_state(state));
  }
  EXPECT_FALSE(find({workspace_, model::StoreId(ids_.next()), "727"}).has_value());
}

TEST_P(StoreConformance, OnlyANewerWordAboutAClientIsNoted) {
  const woocommerce::Key key{workspace_, model::StoreId(ids_.next()), "customer:26"};
  const auto note = [&](int second, std::string_view digest) {
    return must(write([&](Connection& connection) {
      return woocommerce::note_client(connection, key, Timestamp(std::chrono::seconds(second)),
                                      digest);
    }));
  };
  EXPECT_TRUE(note(5, "b"));
  EXPECT_FALSE(note(5, "b"));
  EXPECT_FALSE(note(5, "a"));
  EXPECT_TRUE(note(5, "c"));
  EXPECT_FALSE(note(4, "z"));
  EXPECT_TRUE(note(6, "a"));
}

TEST_P(StoreConformance, AShopIsPutFoundAskedAndForgotten) {
  wc::Shop shop;
  shop.workspace_id = workspace_;
  shop.store_id = model::StoreId(ids_.next());
  shop.url = "https://shop.example";
  shop.consumer_key = "ck_1";
  shop.sealed_consumer_secret = Bytes(40, 7);
  shop.created_at = shop.updated_at = clock_.now();
  const auto put = [&] {
    must(write([&](Connection& connection) -> Result<int> {
      WAYBILL_TRY(woocommerce::put_shop(connection, shop));
      return 0;
    }));
  };
  const auto find = [&] {
    return must(read([&](Connection& connection) {
      return woocommerce::find_shop(connection, workspace_, shop.store_id);
    }));
  };
  const auto due = [&](Timestamp before) {
    return must(read([&](Connection& connection) {
             return woocommerce::due_shops(connection, before);
           }))
        .size();
  };
  const auto note = [&] {
    must(write([&](Connection& connection) -> Result<int> {
      WAYBILL_TRY(woocommerce::note_run(connection, shop));
      return 0;
    }));
  };
  EXPECT_FALSE(find().has_value());
  put();
  EXPECT_EQ(fields(*find()), fields(shop));
  EXPECT_EQ(due(clock_.now()), 1u) << "never asked";

  shop.last_run_at = shop.last_success_at = shop.good_until = clock_.now();
  shop.last_read = 7;
  shop.last_changed = 3;
  note();
  EXPECT_EQ(fields(*find()), fields(shop));
  EXPECT_EQ(due(clock_.now() - std::chrono::milliseconds(1)), 0u);
  EXPECT_EQ(due(clock_.now()), 1u);

  shop.is_enabled = false;
  shop.url = "https://other.example";
  shop.updated_at += std::chrono::milliseconds(1);
  put();
  EXPECT_EQ(fields(*find()), fields(shop));
  EXPECT_EQ(due(clock_.now()), 0u);

  // A run that began with what was there before says nothing about what is there now.
  const wc::Shop now = shop;
  shop.updated_at -= std::chrono::milliseconds(1);
  shop.failure_reason = "shop_unreachable";
  note();
  EXPECT_EQ(fields(*find()), fields(now));

  const auto remove = [&] {
    return must(write([&](Connection& connection) {
      return woocommerce::remove_shop(connection, workspace_, shop.store_id);
    }));
  };
  EXPECT_TRUE(remove());
  EXPECT_FALSE(remove());
}

}  // namespace waybill::store
