/* Waiting for a socket by an event, not by select(): the server of Wine 8 dies when the time of a select() runs out while its result is on
 * the way, and every program of the prefix with it.
 *
 * A socket that has been waited for does not block from then on. Only one thread at a time may wait for it. */
#ifndef ISAPIHOST_SOCKET_WAIT_WIN32_H
#define ISAPIHOST_SOCKET_WAIT_WIN32_H

#include <winsock2.h>

/* events: FD_READ and so on, FD_CLOSE always among them. 1: one has happened, 0: the time is over, -1: the socket is of no use. */
int socket_wait(SOCKET socket, long events, DWORD timeout_ms);

/* select() as CivetWeb's poll() calls it: every socket is in `errors`, and at most 64 are. */
int socket_select(fd_set *readable, fd_set *writable, fd_set *errors, const struct timeval *timeout);

#endif
