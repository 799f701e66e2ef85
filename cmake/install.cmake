# cmake --install gives a package: find_package(tempera), tempera::tempera, #include "tempera/core/tensor.h".
include(CMakePackageConfigHelpers)

set(TEMPERA_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/tempera)
set_target_properties(tempera PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
install(TARGETS tempera EXPORT tempera)
install(EXPORT tempera FILE temperaTargets.cmake NAMESPACE tempera:: DESTINATION ${TEMPERA_PACKAGE_DIR})

configure_package_config_file(cmake/temperaConfig.cmake.in ${PROJECT_BINARY_DIR}/temperaConfig.cmake
  INSTALL_DESTINATION ${TEMPERA_PACKAGE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/temperaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/temperaConfig.cmake ${PROJECT_BINARY_DIR}/temperaConfigVersion.cmake
  DESTINATION ${TEMPERA_PACKAGE_DIR})

install(CODE "
  set(SOURCE_DIR \"${PROJECT_SOURCE_DIR}\")
  set(ROOMS \"${TEMPERA_ROOMS}\")
  cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_PREFIX OUTPUT_VARIABLE INCLUDE_DIR)
  cmake_path(APPEND INCLUDE_DIR \"${CMAKE_INSTALL_INCLUDEDIR}\")
  include(\"${PROJECT_SOURCE_DIR}/cmake/install_headers.cmake\")")
