# Embeds text files into a C++ source, so that the binary needs no files beside it.
#
#   waybill_embed(OUTPUT builtin_dialects.cc NAMESPACE waybill::dialect NAME builtin_dialects
#                 FILES ${PROJECT_SOURCE_DIR}/dialects/proculink.toml …)
#
# makes build/…/generated/builtin_dialects.cc, which defines
#
#   std::span<const waybill::EmbeddedFile> waybill::dialect::builtin_dialects();   (base/embedded.h)
#
# each with the file's name (no folder) and its text, in the order given.
function(waybill_embed)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "OUTPUT;NAMESPACE;NAME" "FILES")
  set(output ${PROJECT_BINARY_DIR}/generated/${ARG_OUTPUT})
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DNAMESPACE=${ARG_NAMESPACE} -DNAME=${ARG_NAME}
            "-DFILES=${ARG_FILES}" -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${ARG_FILES} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    COMMENT "Embedding ${ARG_NAME}" VERBATIM)
endfunction()
