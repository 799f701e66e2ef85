# The report is one file: style, script and the chart library are embedded into it, hence into our library.
find_file(CHART_JS chart.min.js PATHS /usr/share/javascript/chart.js /usr/share/javascript/Chart.js
  DOC "Chart.js 3 as one minified file")
if(NOT CHART_JS)
  message(FATAL_ERROR "Chart.js, which reports draw their curves with, was not found. "
    "Install Debian's package libjs-chart.js, or give the path of chart.min.js (version 3) with -DCHART_JS=...")
endif()

set(PAGE_SOURCE ${PROJECT_BINARY_DIR}/generated/page.cpp)
set(PAGE_FOLDER ${PROJECT_SOURCE_DIR}/train/output/page)
add_custom_command(OUTPUT ${PAGE_SOURCE}
  COMMAND ${CMAKE_COMMAND} -DOUT=${PAGE_SOURCE} -DSTYLE=${PAGE_FOLDER}/report.css -DSCRIPT=${PAGE_FOLDER}/report.js
          -DLIBRARY=${CHART_JS} -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${PAGE_FOLDER}/report.css ${PAGE_FOLDER}/report.js ${CHART_JS} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
  COMMENT "Embedding the report's style, script and chart library"
  VERBATIM)
target_sources(tempera PRIVATE ${PAGE_SOURCE})
# The chart library is longer than the 65536 characters that every compiler must take; those that build this take it.
set_source_files_properties(${PAGE_SOURCE} PROPERTIES COMPILE_OPTIONS -Wno-overlength-strings)
