// The ChangeFeed makes this node act on what other nodes have changed, within a second of their
// commit: a revoked key works no more, a source verifies with its new secrets, a paused endpoint is
// sent nothing, what is due is helped with.
//
// It listens to what units say (store/changes.h). While it cannot, what is remembered of keys,
// sources and endpoints is not trusted: the store is asked. Once it hears again everything is
// forgotten, and remembered anew.
//
// Where the database belongs to this process there is nothing to hear, and all is trusted.
//
// Used from the thread of the io_context only.

#pragma once

#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "base/log.h"
#include "delivery/dispatcher.h"
#include "store/database.h"
#include "surfaces/key_directory.h"
#include "surfaces/source_directory.h"

namespace waybill::app {

class ChangeFeed {
 public:
  // `node` is this one, whose own news of what is due is no news to it. Everything given outlives
  // the feed.
  ChangeFeed(boost::asio::io_context& context, Log& log, store::Database& database,
             const Uuid& node, surfaces::KeyDirectory& keys, surfaces::SourceDirectory& sources,
             delivery::Dispatcher& dispatcher);
  ~ChangeFeed();

  // Begins to listen.
  void start();
  // Hears nothing any more.
  void stop();

 private:
  void hear(const std::string& text);
  void note(bool hears);
  void trust(bool trusted);

  boost::asio::io_context& context_;
  Log& log_;
  store::Database& database_;
  const Uuid node_;
  surfaces::KeyDirectory& keys_;
  surfaces::SourceDirectory& sources_;
  delivery::Dispatcher& dispatcher_;
  bool has_heard_ = false;
  std::shared_ptr<bool> listening_;  // Null: it has not begun, or has stopped.
  std::unique_ptr<store::Listener> listener_;
};

}  // namespace waybill::app
