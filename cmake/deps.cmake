# The libraries, as dep::cjson dep::inih dep::cmocka dep::civetweb dep::fcgi (the last two for Windows only).
#
# On Linux, native and mingw: what tools/setup.sh built in build/deps/FCGIEXT_DEPS. On Windows: vcpkg's packages; dep::fcgi is then
# left out unless libfcgi is found, and with it the sample programs and the helpers of the tests. dep::civetweb also gives the folder
# of civetweb.c. PHP_SOURCE is the folder of php's fastcgi.c; vcpkg has none, and the helpers of the tests that need it are left out.

file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/inih-options.txt inih_options REGEX "^INI_")
# CMake's lists would split at the prefix ';' itself; a C escape says the same.
string(REPLACE "\";\"" "\"\\\\x3b\"" inih_options "${inih_options}")

function(dep_static name library)
    set(folder ${CMAKE_SOURCE_DIR}/build/deps/${FCGIEXT_DEPS})
    if(NOT EXISTS ${folder}/lib/${library})
        message(FATAL_ERROR "${folder}/lib/${library} is missing: run `sh tools/setup.sh` first")
    endif()
    add_library(dep::${name} STATIC IMPORTED GLOBAL)
    set_target_properties(dep::${name} PROPERTIES IMPORTED_LOCATION ${folder}/lib/${library}
        INTERFACE_INCLUDE_DIRECTORIES ${folder}/include)
endfunction()

# dep_found NAME CANDIDATE...: dep::NAME is the first of these targets that exists.
function(dep_found name)
    foreach(candidate IN LISTS ARGN)
        if(TARGET ${candidate})
            add_library(dep::${name} INTERFACE IMPORTED GLOBAL)
            set_target_properties(dep::${name} PROPERTIES INTERFACE_LINK_LIBRARIES ${candidate})
            return()
        endif()
    endforeach()
    message(FATAL_ERROR "found the package of ${name}, but none of its targets: ${ARGN}")
endfunction()

if(FCGIEXT_DEPS)
    dep_static(cjson libcjson.a)
    dep_static(inih libinih.a)
    dep_static(cmocka libcmocka-static.a)
    if(WIN32)
        dep_static(civetweb libcivetweb.a)
        set(CIVETWEB_SOURCE ${CMAKE_SOURCE_DIR}/build/deps/${FCGIEXT_DEPS}/include/civetweb-source)
        dep_static(fcgi libfcgi.a)
        set(PHP_SOURCE ${CMAKE_SOURCE_DIR}/build/deps/${FCGIEXT_DEPS}/include/php-source)
    endif()
else()
    find_package(cJSON CONFIG REQUIRED)
    find_package(cmocka CONFIG REQUIRED)
    find_package(civetweb CONFIG REQUIRED)
    dep_found(cjson cjson)
    dep_found(cmocka cmocka::cmocka cmocka::cmocka-static)
    dep_found(civetweb civetweb::civetweb)
    # isapihost includes civetweb.c itself. vcpkg installs only the library, but keeps what it has built it from.
    file(GLOB civetweb_source_candidates $ENV{VCPKG_ROOT}/buildtrees/civetweb/src/*/src)
    find_path(CIVETWEB_SOURCE civetweb.c HINTS ${civetweb_source_candidates} REQUIRED
        DOC "folder of civetweb.c, the same version as the package")
    find_path(INIH_INCLUDE ini.h REQUIRED)
    find_library(INIH_LIBRARY NAMES inih libinih REQUIRED)
    add_library(dep::inih UNKNOWN IMPORTED GLOBAL)
    set_target_properties(dep::inih PROPERTIES IMPORTED_LOCATION ${INIH_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${INIH_INCLUDE})
    find_path(FCGI_INCLUDE fcgiapp.h)
    find_library(FCGI_LIBRARY NAMES fcgi libfcgi)
    if(FCGI_INCLUDE AND FCGI_LIBRARY)
        add_library(dep::fcgi UNKNOWN IMPORTED GLOBAL)
        set_target_properties(dep::fcgi PROPERTIES IMPORTED_LOCATION ${FCGI_LIBRARY}
            INTERFACE_INCLUDE_DIRECTORIES ${FCGI_INCLUDE})
    endif()
endif()

set_target_properties(dep::inih PROPERTIES INTERFACE_COMPILE_DEFINITIONS "${inih_options}")
if(TARGET dep::civetweb)
    set_property(TARGET dep::civetweb APPEND PROPERTY INTERFACE_LINK_LIBRARIES ws2_32)
    set_property(TARGET dep::civetweb APPEND PROPERTY INTERFACE_INCLUDE_DIRECTORIES ${CIVETWEB_SOURCE})
endif()
if(TARGET dep::fcgi)
    set_property(TARGET dep::fcgi PROPERTY INTERFACE_COMPILE_DEFINITIONS DLLAPI=)
    set_property(TARGET dep::fcgi APPEND PROPERTY INTERFACE_LINK_LIBRARIES ws2_32)
endif()
