/* exit_code: what an exit code of a Windows process means, in words. */
#ifndef MGMT_EXIT_CODE_H
#define MGMT_EXIT_CODE_H

#include <stdint.h>

/* "access violation"; "" for codes that mean what the program says. */
const char *exit_code_text(uint32_t code);

#endif
