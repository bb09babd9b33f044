# vcpkg: libraries static (msvcrt is a system DLL), and inih compiled with our options (cmake/inih-options.txt).
set(VCPKG_TARGET_ARCHITECTURE x64)
set(VCPKG_CRT_LINKAGE dynamic)
set(VCPKG_LIBRARY_LINKAGE static)
set(VCPKG_ENV_PASSTHROUGH PATH)
set(VCPKG_CMAKE_SYSTEM_NAME MinGW)
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
