/* One event object for a call; the association of the sockets with it ends with the call. */
#include "tools/isapihost/socket_wait_win32.h"

static int wait_for(const fd_set *all, const long *events, long *happened, DWORD timeout_ms)
{
    int count = 0;
    int result = 0;
    WSAEVENT event = WSACreateEvent();
    if (event == WSA_INVALID_EVENT)
        return -1;
    for (u_int i = 0; i < all->fd_count && result == 0; ++i)
        result = WSAEventSelect(all->fd_array[i], event, events[i]);
    if (result == 0)
        WaitForSingleObject(event, timeout_ms);
    for (u_int i = 0; i < all->fd_count; ++i) {
        WSANETWORKEVENTS seen = {0};
        if (WSAEnumNetworkEvents(all->fd_array[i], NULL, &seen) != 0)
            result = -1;
        happened[i] = seen.lNetworkEvents;
        count += happened[i] != 0;
        WSAEventSelect(all->fd_array[i], NULL, 0);
    }
    WSACloseEvent(event);
    return result == 0 ? count : -1;
}

int socket_wait(SOCKET socket, long events, DWORD timeout_ms)
{
    long happened;
    fd_set all = {.fd_count = 1, .fd_array = {socket}};
    events |= FD_CLOSE;
    return wait_for(&all, &events, &happened, timeout_ms);
}

/* Leaves those in the set for which one of the events has happened. */
static void keep(fd_set *set, const fd_set *all, const long *happened, long events)
{
    fd_set kept;
    FD_ZERO(&kept);
    for (u_int i = 0; i < all->fd_count; ++i)
        if ((happened[i] & events) != 0 && FD_ISSET(all->fd_array[i], set))
            FD_SET(all->fd_array[i], &kept);
    *set = kept;
}

int socket_select(fd_set *readable, fd_set *writable, fd_set *errors, const struct timeval *timeout)
{
    long events[FD_SETSIZE];
    long happened[FD_SETSIZE];
    const fd_set all = *errors;
    for (u_int i = 0; i < all.fd_count; ++i) {
        events[i] = FD_CLOSE;
        if (FD_ISSET(all.fd_array[i], readable))
            events[i] |= FD_READ | FD_ACCEPT;
        if (FD_ISSET(all.fd_array[i], writable))
            events[i] |= FD_WRITE;
    }
    int count = wait_for(&all, events, happened, (DWORD)(timeout->tv_sec * 1000 + timeout->tv_usec / 1000));
    if (count < 0)
        return -1;
    keep(readable, &all, happened, FD_READ | FD_ACCEPT | FD_CLOSE);
    keep(writable, &all, happened, FD_WRITE | FD_CLOSE);
    FD_ZERO(errors); /* reading and writing tell */
    return count;
}
