/* spool_io: see spool_io.h. The file is in the folder for temporary files of the host's identity and is deleted by the system
 * with its last handle, so it is gone even when the host is killed. It is opened for nobody else. */
#include "fcgiext/win32/spool_io.h"

#include <ntsecapi.h>
#include <sddl.h>
#include <wchar.h>

/* SYSTEM and Administrators, and the owner (the account that the host runs under): a body may hold what only its user and the
 * application are to see. */
#define FILE_SDDL L"D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)"

enum { NAME_ROOM = 40 };

static DWORD name_file(WCHAR *path, DWORD size)
{
    unsigned random[4];
    DWORD len = GetTempPathW(size - NAME_ROOM, path);
    if (len == 0 || len > size - NAME_ROOM)
        return len ? ERROR_FILENAME_EXCED_RANGE : GetLastError();
    if (!RtlGenRandom(random, sizeof random))
        return ERROR_GEN_FAILURE;
    swprintf(path + len, NAME_ROOM, L"fcgiext-%08x%08x%08x.tmp", random[0], random[1], random[2]);
    return 0;
}

static DWORD create_file(struct spool_io *io)
{
    WCHAR path[MAX_PATH + NAME_ROOM];
    DWORD error = name_file(path, ARRAYSIZE(path));
    if (error)
        return error;
    SECURITY_ATTRIBUTES security = {sizeof security, NULL, FALSE};
    PSECURITY_DESCRIPTOR descriptor = NULL;
    if (ConvertStringSecurityDescriptorToSecurityDescriptorW(FILE_SDDL, SDDL_REVISION_1, &descriptor, NULL))
        security.lpSecurityDescriptor = descriptor;
    DWORD flags = FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE | FILE_FLAG_SEQUENTIAL_SCAN;
    HANDLE file = CreateFileW(path, GENERIC_READ | GENERIC_WRITE | DELETE, 0, &security, CREATE_NEW, flags, NULL);
    error = file == INVALID_HANDLE_VALUE ? GetLastError() : 0;
    LocalFree(descriptor);
    if (!error)
        io->file = file;
    return error;
}

static DWORD store(struct spool_io *io, DWORD *len)
{
    DWORD error = io->file == INVALID_HANDLE_VALUE ? create_file(io) : 0;
    if (error)
        return error;
    if (!WriteFile(io->file, io->out.ptr, (DWORD)io->out.len, len, NULL))
        return GetLastError();
    return *len == io->out.len ? 0 : ERROR_DISK_FULL;
}

static DWORD read_back(struct spool_io *io, DWORD *len)
{
    LARGE_INTEGER begin = {.QuadPart = 0};
    if (!io->rewound && !SetFilePointerEx(io->file, begin, NULL, FILE_BEGIN))
        return GetLastError();
    io->rewound = true;
    return ReadFile(io->file, io->target, io->len, len, NULL) ? 0 : GetLastError();
}

static void on_spooler(struct iocp_op *op, DWORD ignored_len, DWORD ignored_error)
{
    struct spool_io *io = CONTAINING_RECORD(op, struct spool_io, op);
    DWORD len = 0;
    (void)ignored_len;
    (void)ignored_error;
    DWORD error = io->target ? read_back(io, &len) : store(io, &len);
    io->done(io->context, len, error);
}

static void begin(struct spool_io *io)
{
    DWORD error = iocp_post(io->spooler, &io->op, 0);
    if (error)
        io->done(io->context, 0, error);
}

void spool_io_init(struct spool_io *io, struct iocp *spooler, spool_io_done *done, void *context)
{
    ZeroMemory(io, sizeof *io);
    io->spooler = spooler;
    io->done = done;
    io->context = context;
    io->op.done = on_spooler;
    io->file = INVALID_HANDLE_VALUE;
}

void spool_io_deinit(struct spool_io *io)
{
    if (io->file != INVALID_HANDLE_VALUE)
        CloseHandle(io->file);
    io->file = INVALID_HANDLE_VALUE;
}

void spool_io_store(struct spool_io *io, struct bytes bytes)
{
    io->out = bytes;
    io->target = NULL;
    begin(io);
}

void spool_io_read(struct spool_io *io, uint8_t *target, size_t len)
{
    io->target = target;
    io->len = (DWORD)len;
    begin(io);
}
