/* clock_win32: the clocks of this computer. */
#ifndef FCGICTL_CLOCK_WIN32_H
#define FCGICTL_CLOCK_WIN32_H

#include <stdint.h>

/* Milliseconds that only go on and do not turn over, from a beginning of no meaning. */
uint64_t clock_win32_ms(void);
/* Since 1970. */
uint64_t clock_win32_unix_ms(void);

#endif
