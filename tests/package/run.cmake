# Installs into a fresh prefix, copies the stranger's project and the examples of the documents into an empty folder,
# and builds and runs them there.
# In: SOURCE_DIR, BUILD_DIR, CONFIG, GENERATOR, COMPILER, LAUNCHER.
set(work "${BUILD_DIR}/package")
set(project "${work}/project")
file(REMOVE_RECURSE "${work}")
file(COPY "${SOURCE_DIR}/tests/package/CMakeLists.txt" "${SOURCE_DIR}/tests/package/stranger.cpp"
  DESTINATION "${project}")

# Writes the C++ blocks of a document, in order, to the files named; their includes as an installed header writes them.
function(extract document)
  file(READ "${SOURCE_DIR}/${document}" text)
  foreach(file IN LISTS ARGN)
    string(FIND "${text}" "```cpp\n" begin)
    if(begin EQUAL -1)
      message(FATAL_ERROR "${document} has no C++ block for ${file}")
    endif()
    math(EXPR begin "${begin} + 7")
    string(SUBSTRING "${text}" ${begin} -1 text)
    string(FIND "${text}" "```" end)
    string(SUBSTRING "${text}" 0 ${end} block)
    math(EXPR end "${end} + 3")
    string(SUBSTRING "${text}" ${end} -1 text)
    foreach(room core layers attention)
      string(REPLACE "#include \"${room}/" "#include \"tempera/${room}/" block "${block}")
    endforeach()
    file(WRITE "${project}/${file}" "${block}")
  endforeach()
endfunction()
extract(README.md readme.cpp trainer.cpp)
extract(CONTRIBUTING.md tempera/core/ops/center.h center.cpp)
extract(docs/attention.md taylor.h attention.cpp)

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()
set(ENV{CMAKE_CXX_COMPILER_LAUNCHER} "${LAUNCHER}")  # a list, which would not survive as an argument
run(${CMAKE_COMMAND} --install "${BUILD_DIR}" --prefix "${work}/prefix" --config "${CONFIG}")
run(${CMAKE_COMMAND} -S "${project}" -B "${work}/build" -G "${GENERATOR}" "-DCMAKE_PREFIX_PATH=${work}/prefix"
  "-DCMAKE_CXX_COMPILER=${COMPILER}")
run(${CMAKE_COMMAND} --build "${work}/build")
run(${CMAKE_CTEST_COMMAND} --test-dir "${work}/build" --output-on-failure)
