# Every library the build links. Why each is there: tools/packages.txt, which
# names the Debian package of every one of them.

find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(SQLite3 3.40 REQUIRED)
find_package(PostgreSQL 15 REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
find_package(mimalloc 2.0 REQUIRED)
# Debian's packages have no CMake configuration.
find_library(WAYBILL_RE2 re2 REQUIRED)
find_library(WAYBILL_HIREDIS hiredis REQUIRED)
find_library(WAYBILL_RABBITMQ rabbitmq REQUIRED)
find_library(WAYBILL_RDKAFKA rdkafka REQUIRED)
if(BUILD_TESTING)
  find_package(GTest REQUIRED)
endif()

# Third-party headers are compiled once into a few objects (BOOST_*_SEPARATE_COMPILATION:
# src/net/boost_impl.cc) and are not ours to lint.
add_library(waybill_boost INTERFACE)
target_compile_definitions(waybill_boost INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED
  BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ALL_NO_LIB)
target_link_libraries(waybill_boost INTERFACE
  Boost::headers Boost::json Boost::url OpenSSL::SSL OpenSSL::Crypto Threads::Threads)

# What programs are measured and run with: a request is some hundred small allocations. The
# sanitizers bring an allocator of their own.
add_library(waybill_allocator INTERFACE)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_link_libraries(waybill_allocator INTERFACE mimalloc)
endif()

# For one program of bench/, which only bench/run builds. Not looked for before: nothing else needs
# it, and a build folder from before its installation works.
add_library(waybill_benchmark INTERFACE)
target_link_libraries(waybill_benchmark INTERFACE benchmark Threads::Threads)

add_library(waybill_warnings INTERFACE)
target_compile_options(waybill_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Werror)
target_link_options(waybill_warnings INTERFACE -fuse-ld=lld)
