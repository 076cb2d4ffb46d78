// The SQLite driver: one writer, WAL, synchronous=FULL, reader connections beside it.
//
// Durable means durable: a commit has been synced to the disk before its units are answered.

#pragma once

#include <filesystem>
#include <memory>

#include "store/connection.h"

namespace waybill::store {

class SqliteDriver final : public Driver {
 public:
  // `file` is made if it does not exist; its folder must exist.
  explicit SqliteDriver(std::filesystem::path file) : file_(std::move(file)) {}

  Result<std::unique_ptr<Connection>> connect(Connection::Access access) override;
  int writers() const override { return 1; }

  // A connection that changes nothing of the database, and makes none. Fails as connect().
  Result<std::unique_ptr<Connection>> connect_to_look() const;

 private:
  std::filesystem::path file_;
};

}  // namespace waybill::store
