#include "app/change_feed.h"

#include <utility>

#include <boost/asio/post.hpp>

#include "store/changes.h"

namespace waybill::app {

namespace changes = store::changes;

ChangeFeed::ChangeFeed(boost::asio::io_context& context, Log& log, store::Database& database,
                       const Uuid& node, surfaces::KeyDirectory& keys,
                       surfaces::SourceDirectory& sources, delivery::Dispatcher& dispatcher)
    : context_(context),
      log_(log),
      database_(database),
      node_(node),
      keys_(keys),
      sources_(sources),
      dispatcher_(dispatcher) {}

ChangeFeed::~ChangeFeed() { stop(); }

void ChangeFeed::start() {
  listening_ = std::make_shared<bool>(true);
  const auto post = [this, listening = std::weak_ptr(listening_)](auto act) {
    boost::asio::post(context_, [listening, act = std::move(act)] {
      if (!listening.expired()) act();
    });
  };
  listener_ = database_.listen({
      .on_message =
          [this, post](std::string_view text) {
            post([this, heard = std::string(text)] { hear(heard); });
          },
      .on_change = [this, post](bool hears) { post([this, hears] { note(hears); }); },
  });
  // What it tells comes later: it is posted.
  if (listener_) trust(false);
}

void ChangeFeed::stop() {
  listening_.reset();
  listener_.reset();
}

void ChangeFeed::hear(const std::string& text) {
  const auto message = changes::parse(text);
  if (!message) {
    log_.debug("change_not_understood", {{"message", text}});
    return;
  }
  if (const auto* changed = std::get_if<changes::EndpointChanged>(&*message)) {
    dispatcher_.endpoint_changed(changed->workspace, changed->endpoint);
  } else if (const auto* key = std::get_if<changes::KeyChanged>(&*message)) {
    keys_.forget(key->key);
  } else if (const auto* source = std::get_if<changes::SourceChanged>(&*message)) {
    sources_.forget(source->source);
  } else if (const auto* due = std::get_if<changes::Due>(&*message); due->by != node_) {
    for (const auto& owed : due->endpoints) dispatcher_.hear_due(owed.workspace, owed.endpoint);
  }
}

void ChangeFeed::note(bool hears) {
  if (!hears) log_.warn("changes_unheard");
  if (hears && std::exchange(has_heard_, true)) log_.info("changes_heard_again");
  trust(hears);
}

void ChangeFeed::trust(bool trusted) {
  keys_.trust(trusted);
  sources_.trust(trusted);
  dispatcher_.trust(trusted);
}

}  // namespace waybill::app
