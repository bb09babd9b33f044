/* io_counts: how often the DLL has called the system for its workers' connections, over all pools, since it was loaded. A host, or
 * a program that loads the DLL to measure it, gets them by the export FcgiextIoCounts. They show whether requests cost
 * what they should: in steady state a small GET on a kept connection is one write, one read and nothing opened. */
#ifndef FCGIEXT_WIN32_IO_COUNTS_H
#define FCGIEXT_WIN32_IO_COUNTS_H

#include <winsock2.h>

#include <windows.h>

struct fcgiext_io_counts {
    DWORD size; /* in: of the structure, as the caller knows it */
    LONG writes, reads;
    LONG opens; /* connections begun, those that failed too */
};

/* FALSE: the DLL is not initialised, or `size` is none that it knows. */
BOOL WINAPI FcgiextIoCounts(struct fcgiext_io_counts *counts);

#endif
