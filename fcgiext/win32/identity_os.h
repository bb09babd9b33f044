/* identity_os: the tokens of threads, as core/identity wants them. A token is a HANDLE. */
#ifndef FCGIEXT_WIN32_IDENTITY_OS_H
#define FCGIEXT_WIN32_IDENTITY_OS_H

#include "fcgiext/core/identity.h"

extern const struct identity_os identity_os;

#endif
