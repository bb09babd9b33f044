/* no_memory: for tests in which malloc is to fail, because so much memory cannot be had. AddressSanitizer would end
 * the program instead of returning NULL; it asks the program for its options by this function. Without the
 * sanitizer nobody calls it. Include it in the one file of a test program. */
#ifndef FCGIEXT_TESTS_NO_MEMORY_H
#define FCGIEXT_TESTS_NO_MEMORY_H

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

#endif
