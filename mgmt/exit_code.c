/* exit_code: the codes with which the system ends a process, and those of common run-time libraries. */
#include "mgmt/exit_code.h"

#include "fcgiext/core/error_page.h"

#include <stddef.h>

static const struct {
    uint32_t code;
    const char *text;
} texts[] = {
    {0x40000015, "the program ended itself (fatal application exit)"},
    {0x40010004, "terminated by a debugger"},
    {0x80000002, "misaligned data"},
    {0x80000003, "breakpoint"},
    {0xC0000005, "access violation"},
    {0xC0000006, "a page of memory could not be read from disk"},
    {0xC0000017, "out of memory"},
    {0xC000001D, "illegal instruction"},
    {0xC0000025, "exception that cannot be continued"},
    {0xC0000026, "invalid disposition of an exception"},
    {0xC000008C, "array bounds exceeded"},
    {0xC000008E, "floating-point division by zero"},
    {0xC0000090, "invalid floating-point operation"},
    {0xC0000094, "integer division by zero"},
    {0xC0000095, "integer overflow"},
    {0xC0000096, "privileged instruction"},
    {0xC00000FD, "stack overflow"},
    {0xC000012D, "out of memory (commit limit)"},
    {0xC000013A, "ended by Ctrl-C"},
    {0xC0000374, "heap corruption"},
    {0xC0000409, "stack buffer overrun, or fail-fast"},
    {0xC000041D, "exception in a callback"},
    {0xC0000420, "assertion failure"},
    {0xC0000602, "fail-fast exception"},
    {0xC06D007E, "a library was not found when it was needed (delay load)"},
    {0xC06D007F, "a library lacks a function that was needed (delay load)"},
    {0xE0434352, ".NET exception"},
    {0xE0434F4D, ".NET exception"},
    {0xE06D7363, "C++ exception"},
};

const char *exit_code_text(uint32_t code)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].code == code)
            return texts[i].text;
    const char *load_failure = error_load_failure_text(code);
    return load_failure ? load_failure : "";
}
