/* process: one worker process as the system sees it: started with its pipe or socket, held by a job of its own, watched, ended.
 *
 * The child contract is reference.md section 2: stdin is the server's end of a byte-mode synchronous pipe, stdout and
 * stderr are INVALID_HANDLE_VALUE, _FCGI_X_PIPE_ names the pipe, only these handles are inherited, and the process runs
 * in a job that ends it, with its grandchildren, when we are gone. With Protocol=Tcp stdin is a listening socket instead, on
 * a port of 127.0.0.1 that no other program can share, and there is no _FCGI_X_PIPE_. */
#ifndef FCGIEXT_WIN32_PROCESS_H
#define FCGIEXT_WIN32_PROCESS_H

#include <winsock2.h>

#include <windows.h>

#include <stdbool.h>

/* What all processes of a pool share; UTF-16, owned by the pool. */
struct process_plan {
    WCHAR *command_line; /* "program" arguments */
    WCHAR *directory;    /* of the program */
    WCHAR **env;         /* "NAME=value": in place of the host's variables of the same names */
    unsigned env_count;
    DWORD signal_ms; /* > 0: the process gets a shutdown event */
    bool tcp;        /* a listening socket is its stdin */
};

enum { PROCESS_PIPE_NAME_LEN = 64 };

struct process {
    HANDLE process; /* NULL: none */
    HANDLE job;     /* NULL: the system refused it; a warning, not a failure */
    HANDLE shutdown_event;
    DWORD id;
    DWORD job_error; /* why there is no job */
    WCHAR pipe_name[PROCESS_PIPE_NAME_LEN];
    struct sockaddr_in address; /* where it listens, with tcp */
};

/* Makes what will be its stdin: a pipe, or a socket that listens. Before process_start the caller connects to it: some programs
 * never call ConnectNamedPipe and live on one connection, so it must stand before the process runs. */
DWORD process_create_stdin(struct process *process, const struct process_plan *plan, HANDLE *server_end);
/* The way to give it back if there is to be no process_start. */
void process_close_stdin(const struct process_plan *plan, HANDLE server_end);
/* Takes server_end over, whatever happens. The calling thread must not impersonate. */
DWORD process_start(struct process *process, const struct process_plan *plan, HANDLE server_end);

void process_signal(struct process *process);
void process_kill(struct process *process);
/* Closes all handles; with the job's last one goes whatever still runs in it. */
void process_close(struct process *process);

#endif
