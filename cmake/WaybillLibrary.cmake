# One call per folder of src/. The library is waybill_<folder>, alias waybill::<folder>.
#
#   waybill_library(model
#     SOURCES retry_schedule.cc
#     PUBLIC  waybill::base        # folders and packages named in our headers
#     PRIVATE ...                  # used only in our .cc files
#     TESTS   retry_schedule_test.cc)
#
# TESTS become one binary, waybill_<folder>_test, and one ctest entry per TEST(), labelled `unit`.
# All folders share one include root, so the compiler does not stop an include that is not declared
# here; tools/tidy.py does.
#
# Every library shares one precompiled header (src/precompiled.h): Asio and Boost.JSON cost more to
# parse than most of our files.
function(waybill_library name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;PUBLIC;PRIVATE;TESTS;TEST_LIBRARIES")

  add_library(waybill_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(waybill_${name}
    PUBLIC ${ARG_PUBLIC} waybill_boost fmt::fmt
    PRIVATE ${ARG_PRIVATE} waybill_warnings)
  target_include_directories(waybill_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  waybill_precompile(waybill_${name})
  add_library(waybill::${name} ALIAS waybill_${name})

  if(ARG_TESTS AND BUILD_TESTING)
    add_executable(waybill_${name}_test ${ARG_TESTS})
    target_link_libraries(waybill_${name}_test PRIVATE
      waybill::${name} ${ARG_TEST_LIBRARIES} waybill_warnings GTest::gmock GTest::gtest_main)
    waybill_precompile(waybill_${name}_test)
    gtest_discover_tests(waybill_${name}_test NO_PRETTY_VALUES DISCOVERY_TIMEOUT 60
      TEST_PREFIX "${name}." PROPERTIES LABELS unit TIMEOUT 120)
  endif()
endfunction()

# Without the header's own path, which CMake would add after the precompiled one: it says nothing
# more, and ccache takes it for a difference between two checkouts.
set(CMAKE_CXX_COMPILE_OPTIONS_USE_PCH -Xclang -include-pch -Xclang <PCH_FILE>)

# The precompiled header is made once, by waybill_base's own object, and reused by everything.
function(waybill_precompile target)
  if(NOT TARGET waybill_precompiled)
    file(WRITE ${PROJECT_BINARY_DIR}/precompiled.cc "")
    add_library(waybill_precompiled OBJECT ${PROJECT_BINARY_DIR}/precompiled.cc)
    target_link_libraries(waybill_precompiled PRIVATE waybill_boost fmt::fmt waybill_warnings)
    target_precompile_headers(waybill_precompiled PRIVATE ${PROJECT_SOURCE_DIR}/src/precompiled.h)
    target_compile_options(waybill_precompiled PRIVATE -fpch-instantiate-templates)
    waybill_precompiled_sum()
  endif()
  target_precompile_headers(${target} REUSE_FROM waybill_precompiled)
  # ccache keys a compilation by the header's text, not by its time stamps.
  target_compile_options(${target} PRIVATE -Xclang -fno-pch-timestamp)
endfunction()

# The precompiled header names the folder it was made in, so that no checkout could use what another
# one has compiled. With CCACHE_PCH_EXTSUM (tools/build) ccache reads this file instead, which says
# what the header was made from.
function(waybill_precompiled_sum)
  file(SHA256 ${PROJECT_SOURCE_DIR}/src/precompiled.h header)
  get_target_property(folder waybill_precompiled BINARY_DIR)
  file(WRITE ${folder}/CMakeFiles/waybill_precompiled.dir/cmake_pch.hxx.pch.sum
    "${header} clang ${CMAKE_CXX_COMPILER_VERSION} boost ${Boost_VERSION} fmt ${fmt_VERSION} "
    "openssl ${OPENSSL_VERSION}\n")
  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/src/precompiled.h)
endfunction()
