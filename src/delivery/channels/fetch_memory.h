// The FetchMemory knows what has been asked of platforms lately, so that the same GET is not sent
// twice within the time that a platform names ([receipt.fetch] same_after): messages about one
// document that come together share one answer.
//
// An answer serves the messages that were received before it was asked for, and no later ones: what
// those tell of may not be in it.
//
// Memory is bounded: kEntriesMax requests and kBytesMax of answers, the oldest go first. Used from
// the thread of the io_context only.

#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"
#include "base/result.h"
#include "net/http_client.h"

namespace waybill::delivery {

class FetchMemory {
 public:
  static constexpr std::size_t kEntriesMax = 1'000;
  static constexpr std::size_t kBytesMax = 8 * 1024 * 1024;

  using Answer = std::shared_ptr<const Result<net::ClientResponse>>;

  // One GET.
  struct Asked {
    Timestamp at{};     // When it was sent, or will be.
    Timestamp until{};  // Not the same one before.
    bool answered = false;
    Answer answer;                    // Null: none yet, or let go.
    boost::asio::steady_timer waits;  // Never fires: cancelled when it is answered.
  };

  // What was asked with this key and may not be asked again yet; or null.
  std::shared_ptr<Asked> find(const std::string& key, Timestamp now) {
    while (!order_.empty() && order_.front()->asked->until <= now) drop_oldest();
    const auto found = by_key_.find(key);
    if (found == by_key_.end() || found->second->asked->until <= now) return nullptr;
    return found->second->asked;
  }

  std::shared_ptr<Asked> begin(const std::string& key, Timestamp at, Timestamp until,
                               const boost::asio::any_io_executor& executor) {
    if (const auto former = by_key_.find(key); former != by_key_.end()) drop(former->second);
    while (order_.size() >= kEntriesMax) drop_oldest();
    auto asked = std::make_shared<Asked>(
        at, until, false, nullptr,
        boost::asio::steady_timer(executor, boost::asio::steady_timer::time_point::max()));
    order_.push_back(std::make_shared<Entry>(key, asked));
    order_.back()->place = std::prev(order_.end());
    by_key_[key] = order_.back();
    return asked;
  }

  // Tells whoever waits for it.
  void end(const std::string& key, const std::shared_ptr<Asked>& asked, Answer answer) {
    asked->answered = true;
    asked->answer = std::move(answer);
    asked->waits.cancel();
    const auto found = by_key_.find(key);
    if (found == by_key_.end() || found->second->asked != asked) return;
    found->second->bytes = *asked->answer ? (*asked->answer)->body.size() : 0;
    bytes_ += found->second->bytes;
    // That it was asked is remembered longer than what was answered.
    for (auto& entry : order_) {
      if (bytes_ <= kBytesMax) break;
      forget_answer(*entry);
    }
  }

  std::size_t size() const { return order_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    Entry(std::string name, std::shared_ptr<Asked> what)
        : key(std::move(name)), asked(std::move(what)) {}
    std::string key;
    std::shared_ptr<Asked> asked;
    std::size_t bytes = 0;
    std::list<std::shared_ptr<Entry>>::iterator place;
  };

  void forget_answer(Entry& entry) {
    bytes_ -= std::exchange(entry.bytes, 0);
    if (entry.asked->answered) entry.asked->answer.reset();
  }
  void drop(std::shared_ptr<Entry> entry) {
    bytes_ -= entry->bytes;
    by_key_.erase(entry->key);
    order_.erase(entry->place);
  }
  void drop_oldest() { drop(order_.front()); }

  std::list<std::shared_ptr<Entry>> order_;  // As they were asked.
  std::unordered_map<std::string, std::shared_ptr<Entry>> by_key_;
  std::size_t bytes_ = 0;
};

}  // namespace waybill::delivery
