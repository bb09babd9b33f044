/* fcgictl: the command-line tool of the management pipe. What it is is pure; what it needs of the system comes through these interfaces:
 * hosts_win32 and terminal_win32 fill them in, tests fake them. docs/fcgictl.md is for its users. */
#ifndef FCGICTL_FCGICTL_H
#define FCGICTL_FCGICTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/fcgictl/perf_system.h"
#include "tools/fcgictl/text.h"

enum fcgictl_exit {
    FCGICTL_DONE = 0,
    FCGICTL_FAILED = 1,
    FCGICTL_USAGE = 2, /* or ambiguous */
    FCGICTL_NO_HOST = 3,
    FCGICTL_DENIED = 4,
    FCGICTL_NOT_FOUND = 5, /* no such pool, process or operation */
    FCGICTL_TIMED_OUT = 6,
    FCGICTL_REFUSED = 7, /* by the state of the pool */
    FCGICTL_PARTLY = 8,
};

enum { FCGICTL_MAX_HOSTS = 64 };

struct fcgictl_host {
    uint32_t pid;
    char program[64]; /* "w3wp.exe"; "" when not known */
};

enum fcgictl_call {
    FCGICTL_CALL_OK,
    FCGICTL_CALL_NO_HOST,  /* there is no such pipe */
    FCGICTL_CALL_DENIED,   /* we may not open it */
    FCGICTL_CALL_NOT_OURS, /* another process serves it */
    FCGICTL_CALL_BUSY,     /* all its instances are taken */
    FCGICTL_CALL_TIMED_OUT,
    FCGICTL_CALL_LOST,   /* the host has ended the connection; it may have had the line */
    FCGICTL_CALL_FAILED, /* `why` says why */
};

struct fcgictl_hosts {
    void *context;
    /* In the order of their process ids. */
    size_t (*list)(void *context, struct fcgictl_host *hosts, size_t max);
    /* One line to the host, without LF, and one back (the caller frees it). Connections are kept until the end. `why` gets a sentence
     * part, or "". */
    enum fcgictl_call (*call)(void *context, uint32_t pid, const char *line, unsigned timeout_ms, char **reply, char *why,
                              size_t why_size);
};

enum fcgictl_stream { FCGICTL_OUT, FCGICTL_ERR };

struct fcgictl_terminal {
    void *context;
    bool out_is_terminal;
    bool colours; /* of what goes to either stream */
    size_t width; /* columns; 0: not known */
    void (*write)(void *context, enum fcgictl_stream stream, enum style style, const char *utf8, size_t len);
    /* Terminals only: shows a line in place of the one that was shown before; NULL: takes it away. */
    void (*show_progress)(void *context, const char *line);
    void (*clear)(void *context);
    uint64_t (*now_ms)(void *context);
    /* From now on Ctrl-C does not end the program at once: it makes the other two say so. */
    void (*catch_interrupt)(void *context);
    bool (*interrupted)(void *context);
    bool (*wait)(void *context, unsigned ms); /* false: Ctrl-C */
};

struct exporter_settings;

/* The server of `fcgictl exporter`. Functions -> 0, or an error of the system, and `why` gets a sentence part. */
struct fcgictl_exporter {
    void *context;
    /* From here on it answers; *port gets the one on which it listens. */
    uint32_t (*start)(void *context, const struct exporter_settings *settings, unsigned *port, char *why, size_t why_size);
    void (*stop)(void *context);
    /* As a service: returns when that has been stopped. *not_a_service: the system has not started this process as one. */
    uint32_t (*serve)(void *context, const struct exporter_settings *settings, bool *not_a_service, char *why, size_t why_size);
};

struct fcgictl_environment {
    const struct fcgictl_hosts *hosts;
    const struct fcgictl_terminal *terminal;
    void *context;
    /* The bytes of a file, or of its first 4 MiB and one byte; the caller frees them. false: `why` gets a sentence part. */
    bool (*read_file)(void *context, const char *path, char **bytes, size_t *len, char *why, size_t why_size);
    /* The file `name` in `folder` has these bytes afterwards, or what it had before; who reads it meanwhile sees one of both. false: as
     * above. */
    bool (*replace_file)(void *context, const char *folder, const char *name, const char *bytes, size_t len, char *why,
                         size_t why_size);
    const struct perf_system *perf;
    const struct fcgictl_exporter *exporter;
};

/* `arguments` in UTF-8, without the program's name. -> enum fcgictl_exit */
int fcgictl_run(const struct fcgictl_environment *environment, size_t count, const char *const *arguments);

#endif
