/* standard_handles: what each FastCGI program of ours does first under Wine. Harmless on Windows. */
#ifndef DEMO_STANDARD_HANDLES_H
#define DEMO_STANDARD_HANDLES_H

#include <windows.h>

/* Wine hands INVALID_HANDLE_VALUE down as NULL; libfcgi then does not see that it was started for FastCGI. */
static inline void mend_standard_handles(void)
{
    static const DWORD ids[] = {STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        if (GetStdHandle(ids[i]) == NULL)
            SetStdHandle(ids[i], INVALID_HANDLE_VALUE);
}

#endif
