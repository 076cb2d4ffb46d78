// Stands between a driver and its server, and cuts a connection at the moment that matters: when it
// is told to, with the next thing that the client says.

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace waybill::store {

class SeveringProxy {
 public:
  enum class Cut {
    kNone,
    kBefore,  // The server never hears it, and that the client is gone.
    kAfter,   // The server hears it and answers; the client does not hear that.
    kLate,    // The server hears it once deliver_late() is called, and nothing until then.
  };

  // Listens on a free port of loopback, and passes what comes on to 127.0.0.1:`server_port`.
  explicit SeveringProxy(std::uint16_t server_port);
  ~SeveringProxy();

  std::uint16_t port() const { return port_; }
  // Any thread. The next bytes that a client sends are cut; once.
  void cut_next(Cut cut) { cut_ = cut; }
  int accepted() const { return accepted_; }
  // Returns once the server has heard what was cut late, and has done with it.
  void deliver_late();

 private:
  // Two connected sockets; -1: closed.
  struct Pair {
    int client = -1;
    int server = -1;
    bool drops_answer = false;
  };

  void run();
  void accept_one();
  void from_client(Pair& pair);
  void from_server(Pair& pair);
  static void close(int& socket);

  const std::uint16_t server_port_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  int stopping_ = -1;
  std::atomic<Cut> cut_ = Cut::kNone;
  std::atomic<int> accepted_ = 0;
  std::vector<Pair> pairs_;
  int late_server_ = -1;
  std::string late_;
  std::thread thread_;
};

}  // namespace waybill::store
