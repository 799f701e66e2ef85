# cmake -DOUT=<file.cpp> -DSTYLE=<css> -DSCRIPT=<js> -DLIBRARY=<js> -P embed.cmake
#
# Writes the files that a report carries into a source file, as texts.
function(text name file)
  file(READ "${file}" content)
  # The map of a minified library is no part of the page; a browser's tools would look for it.
  string(REGEX REPLACE "//# sourceMappingURL=[^\n]*" "" content "${content}")
  string(FIND "${content}" ")embedded\"" clash)
  if(NOT clash EQUAL -1)
    message(FATAL_ERROR "${file} holds the mark that ends a text in ${OUT}")
  endif()
  file(APPEND "${OUT}.new" "std::string_view ${name}() {\n  return R\"embedded(${content})embedded\";\n}\n")
endfunction()

file(WRITE "${OUT}.new" "#include \"train/output/page.h\"\n\nnamespace tempera {\n")
text(page_style "${STYLE}")
text(page_script "${SCRIPT}")
text(chart_library "${LIBRARY}")
file(APPEND "${OUT}.new" "}  // namespace tempera\n")
file(RENAME "${OUT}.new" "${OUT}")
