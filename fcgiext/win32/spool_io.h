/* spool_io: the temporary file of a request body whose length is not known beforehand. Its operations run on the engine's
 * spooler threads, one at a time for a request, so that no thread of the host waits for a disk. */
#ifndef FCGIEXT_WIN32_SPOOL_IO_H
#define FCGIEXT_WIN32_SPOOL_IO_H

#include <winsock2.h>

#include <windows.h>

#include "fcgiext/core/bytes.h"
#include "fcgiext/win32/iocp.h"

/* On a spooler thread. `len` bytes have been read (0 at the end of the file), or stored. */
typedef void spool_io_done(void *context, DWORD len, DWORD error);

struct spool_io {
    struct iocp *spooler;
    spool_io_done *done;
    void *context;
    struct iocp_op op;
    HANDLE file;      /* made by the first spool_io_store; goes, from the disk too, when it is closed */
    struct bytes out; /* to be stored */
    uint8_t *target;  /* to be read to; NULL: store */
    DWORD len;
    bool rewound;
};

void spool_io_init(struct spool_io *io, struct iocp *spooler, spool_io_done *done, void *context);
/* Only when no operation is outstanding. */
void spool_io_deinit(struct spool_io *io);

/* `done` follows, and the bytes must stay until then. Stores come before reads; reads go from the beginning to the end. */
void spool_io_store(struct spool_io *io, struct bytes bytes);
void spool_io_read(struct spool_io *io, uint8_t *target, size_t len);

#endif
