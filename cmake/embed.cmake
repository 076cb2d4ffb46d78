# Run by waybill_embed() at build time: OUTPUT, NAMESPACE, NAME, FILES.
set(source "// Made by cmake/embed.cmake. Do not edit.\n")
string(APPEND source "#pragma clang diagnostic ignored \"-Woverlength-strings\"\n")
string(APPEND source "#include \"base/embedded.h\"\n\n")
string(APPEND source "namespace ${NAMESPACE} {\n\nstd::span<const EmbeddedFile> ${NAME}() {\n")
string(APPEND source "  static constexpr EmbeddedFile files[] = {\n")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME)
  # Brackets and semicolons are list syntax to CMake; as hex they are nothing.
  file(READ ${file} bytes HEX)
  # Given, since a compiler counts the characters of a long text only so far.
  string(LENGTH "${bytes}" length)
  math(EXPR length "${length} / 2")
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" bytes "${bytes}")
  # One literal of 16 bytes a line; the compiler joins them.
  string(REPLACE "\n" "\"\n     \"" bytes "${bytes}")
  string(APPEND source "    {\"${name}\",\n     std::string_view(\"${bytes}\", ${length})},\n")
endforeach()
string(APPEND source "  };\n  return files;\n}\n\n}  // namespace ${NAMESPACE}\n")
file(WRITE ${OUTPUT} "${source}")
