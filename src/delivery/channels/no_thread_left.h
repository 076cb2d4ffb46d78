// What the tests of threads share: a system that has none left.

#pragma once

#include <cstddef>
#include <pthread.h>

#include "base/check.h"

namespace waybill::delivery {

// While it lives the system has no thread left: none of the size that each is to have.
class NoThreadLeft {
 public:
  NoThreadLeft() {
    ::pthread_getattr_default_np(&former_);
    pthread_attr_t endless;
    ::pthread_attr_init(&endless);
    WAYBILL_CHECK(::pthread_attr_setstacksize(&endless, std::size_t{1} << 60) == 0 &&
                      ::pthread_setattr_default_np(&endless) == 0,
                  "a size");
    ::pthread_attr_destroy(&endless);
  }
  ~NoThreadLeft() {
    ::pthread_setattr_default_np(&former_);
    ::pthread_attr_destroy(&former_);
  }
  NoThreadLeft(const NoThreadLeft&) = delete;
  NoThreadLeft& operator=(const NoThreadLeft&) = delete;

 private:
  pthread_attr_t former_;
};

}  // namespace waybill::delivery
