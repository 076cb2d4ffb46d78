// The SQLite driver: one writer, WAL, synchronous=FULL, reader connections beside it.
//
// Durable means durable: a commit has been synced to the disk before its units are answered.
//
// The write-ahead log is copied into the database every 16 MiB. A read that lasts keeps it from
// being used anew, and reads that overlap could do so for ever: from 64 MiB on, the writer waits a
// moment for those that are under way. use() tells how far it has got.

#pragma once

#include <filesystem>
#include <memory>

#include "store/connection.h"

namespace waybill::store {

class SqliteDriver final : public Driver {
 public:
  // `file` is made if it does not exist; its folder must exist.
  explicit SqliteDriver(std::filesystem::path file);

  Result<std::unique_ptr<Connection>> connect(Connection::Access access) override;
  int writers() const override { return 1; }
  StorageUse use() const override;

  class WriteAheadLog;

  // A connection that changes nothing of the database, and makes none. Fails as connect().
  Result<std::unique_ptr<Connection>> connect_to_look() const;

 private:
  std::filesystem::path file_;
  std::shared_ptr<WriteAheadLog> log_;
};

}  // namespace waybill::store
