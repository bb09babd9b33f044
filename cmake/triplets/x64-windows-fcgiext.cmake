# vcpkg: everything static, and inih compiled with our options (cmake/inih-options.txt).
set(VCPKG_TARGET_ARCHITECTURE x64)
set(VCPKG_CRT_LINKAGE static)
set(VCPKG_LIBRARY_LINKAGE static)
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
