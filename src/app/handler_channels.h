// The HandlerChannels are the ways by which what a source has received leaves the hub: one
// delivery::Channel for each kind of handler.
//
// To add one: a member here, which handler_channels.cc makes, and a line in add_to().
//
// Used from the thread of the io_context only. They outlive the delivery::Channels.

#pragma once

#include <chrono>
#include <filesystem>

#include <boost/asio/io_context.hpp>

#include "app/settings.h"
#include "base/clock.h"
#include "base/log.h"
#include "delivery/channel.h"
#include "delivery/channels/broker_channel.h"
#include "delivery/channels/broker_worker.h"
#include "delivery/channels/command_channel.h"
#include "delivery/channels/fetch_channel.h"
#include "delivery/channels/file_channel.h"
#include "delivery/channels/http_channel.h"
#include "delivery/channels/publish_channel.h"
#include "dialect/loader.h"

namespace waybill::app {

class HandlerChannels {
 public:
  struct Parts {
    boost::asio::io_context& context;
    Clock& clock;
    Log& log;
    IdGenerator& ids;
    const dialect::DialectRegistry& dialects;
    delivery::Send send;         // How a request leaves.
    const Settings& settings;    // Read while this is made.
    std::filesystem::path data;  // The data directory.
  };

  explicit HandlerChannels(Parts parts);
  HandlerChannels(const HandlerChannels&) = delete;
  HandlerChannels& operator=(const HandlerChannels&) = delete;

  void add_to(delivery::Channels& channels);
  // The hub stops within this time: what could take longer ends before (delivery/channel.h has the
  // rest).
  void begin_stop(std::chrono::milliseconds within);

 private:
  delivery::BrokerWorkers broker_workers_;  // Of the four that write to brokers.
  delivery::BrokerChannel amqp_;
  delivery::CommandChannel commands_;
  delivery::FetchChannel fetches_;
  delivery::FileChannel files_;
  delivery::HttpChannel http_;
  delivery::BrokerChannel kafka_;
  delivery::PublishChannel publishes_;
  delivery::BrokerChannel redis_;
  delivery::BrokerChannel sql_;
};

}  // namespace waybill::app
