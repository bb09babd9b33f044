/* aborts: did a call end in abort()? For the checks that guard memory in release builds too: a check of which
 * nobody has seen that it fires is not known to be one. The call is left by longjmp, so what it had allocated is
 * lost: call only what allocates nothing. */
#ifndef FCGIEXT_TESTS_ABORTS_H
#define FCGIEXT_TESTS_ABORTS_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>

static jmp_buf aborts_return;

static inline void aborts_on_signal(int number)
{
    (void)number;
    longjmp(aborts_return, 1);
}

static inline bool aborts(void (*call)(void *), void *argument)
{
    signal(SIGABRT, aborts_on_signal);
    if (setjmp(aborts_return) != 0) {
        signal(SIGABRT, SIG_DFL);
        return true;
    }
    call(argument);
    signal(SIGABRT, SIG_DFL);
    return false;
}

#endif
