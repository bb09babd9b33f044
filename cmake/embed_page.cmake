# Puts page, style and script of the exporter's dashboard together and makes a C file of the one page, with the policy that lets a browser
# run just this style and this script: their SHA-256 stand in it.
#
#   cmake -DFOLDER=tools/fcgictl -DOUT=dashboard.c -P cmake/embed_page.cmake
#
# dashboard.html has the places: @STYLE@ and @SCRIPT@ are all that stands between their tags.

# base64(VARIABLE HEX): of bytes that are written in hexadecimal digits.
function(base64 variable hex)
    set(alphabet "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    string(LENGTH "${hex}" len)
    set(text "")
    set(at 0)
    while(at LESS len)
        string(SUBSTRING "${hex}" ${at} 6 triple) # shorter at the end
        string(LENGTH "${triple}" digits)
        string(SUBSTRING "${triple}0000" 0 6 triple)
        math(EXPR bits "0x${triple}")
        math(EXPR count "${digits} / 2 + 1")
        foreach(shift 18 12 6 0)
            if(count GREATER 0)
                math(EXPR index "(${bits} >> ${shift}) & 63")
                string(SUBSTRING "${alphabet}" ${index} 1 character)
            else()
                set(character "=")
            endif()
            string(APPEND text "${character}")
            math(EXPR count "${count} - 1")
        endforeach()
        math(EXPR at "${at} + 6")
    endwhile()
    set(${variable} "${text}" PARENT_SCOPE)
endfunction()

file(READ ${FOLDER}/dashboard.html page)
foreach(part STYLE SCRIPT)
    if(part STREQUAL "STYLE")
        file(READ ${FOLDER}/dashboard.css text)
    else()
        file(READ ${FOLDER}/dashboard.js text)
    endif()
    string(REPLACE "\r" "" text "${text}")
    string(REPLACE "@${part}@" "${text}" page "${page}")
    string(SHA256 hash "${text}")
    base64(${part}_HASH "${hash}")
endforeach()
string(REPLACE "\r" "" page "${page}")

file(WRITE ${OUT}.page "${page}")
file(READ ${OUT}.page hex HEX)
file(REMOVE ${OUT}.page)
string(REGEX REPLACE "(................................)" "\\1\n    " hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "/* Made by cmake/embed_page.cmake of tools/fcgictl/dashboard.*. */
#include \"tools/fcgictl/exporter_http.h\"

const unsigned char exporter_dashboard[] = {
    ${bytes}
};
const size_t exporter_dashboard_len = sizeof exporter_dashboard;
const char exporter_dashboard_policy[] =
    \"default-src 'none'; script-src 'sha256-${SCRIPT_HASH}'; style-src 'sha256-${STYLE_HASH}'; connect-src 'self'; \"
    \"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\";
")
