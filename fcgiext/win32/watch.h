/* watch: a thread that tells when one of some files has changed: it was written to, replaced, has appeared or disappeared.
 *
 * The system tells of a change in the file's folder; what has changed is seen by comparing the files' times and sizes. So a file
 * that is written in several steps is reported once, when the folder has come to rest. A folder that the system does not watch
 * (it does not exist, is on a share, or is one of too many) is looked at every few seconds. */
#ifndef FCGIEXT_WIN32_WATCH_H
#define FCGIEXT_WIN32_WATCH_H

#include <winsock2.h>

#include <windows.h>

#include <stdbool.h>

enum { WATCH_MAX_FOLDERS = MAXIMUM_WAIT_OBJECTS - 1 };

struct watch_file;

struct watch {
    HANDLE thread, wake;
    volatile LONG stopping;
    void *context;
    void (*changed)(void *context, void *subject); /* on the watch's thread; may call watch_files */
    void (*woken)(void *context);                  /* the same, after watch_wake */

    /* the thread's own */
    struct watch_file *files;
    unsigned file_count;
    HANDLE handles[MAXIMUM_WAIT_OBJECTS]; /* `wake`, and one for each folder that the system watches */
    WCHAR *folders[MAXIMUM_WAIT_OBJECTS]; /* of the handle at the same place */
    unsigned handle_count;
    bool blind; /* some folder is not watched by the system */
    bool look;  /* the files are new: what changed before their folders were watched is to be seen */
};

struct watch_request {
    WCHAR *path;   /* absolute; given away with watch_files, malloc */
    void *subject; /* what `changed` is called with */
};

/* The callbacks must be set. 0 or a Win32 error. */
DWORD watch_start(struct watch *watch);
/* From any thread, until watch_free; watch_start makes up for one that came before. */
void watch_wake(struct watch *watch);
/* Ends the thread, if there is one. */
void watch_stop(struct watch *watch);
/* After it. Also for a watch of zeros. */
void watch_free(struct watch *watch);

/* Before watch_start, or from a callback: these files from now on. One that was among the old ones keeps what is known of it: no change is missed. The paths are taken
 * over, whatever happens; false: out of memory, and the old ones stay. */
bool watch_files(struct watch *watch, struct watch_request *requests, unsigned count);

#endif
