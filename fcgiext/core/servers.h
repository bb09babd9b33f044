/* servers: the external servers of a pool: which one the next connection goes to, and which ones are left alone for a while.
 *
 * Health is passive: nothing is sent to find out. A connection that cannot be made, or that breaks before an answer, puts its
 * server down for SERVERS_DOWN_MS, doubled each time it happens again, at most SERVERS_DOWN_MAX_MS; one answer clears that.
 * When the time is over, one connection at a time is tried there until it has answered.
 *
 * Not safe for several threads; no clock: the caller gives the time. */
#ifndef FCGIEXT_CORE_SERVERS_H
#define FCGIEXT_CORE_SERVERS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SERVERS_MAX = 256,
    SERVERS_DOWN_MS = 1000,
    SERVERS_DOWN_MAX_MS = 30000,
    SERVERS_TRY_MS = 2500, /* for one try to connect, while there is another server: a lost packet is sent again after 1 s */
};

#define SERVERS_NONE UINT32_MAX

/* One connection: the server it is counted at, and those that it has been tried with. */
struct servers_use {
    uint32_t server; /* SERVERS_NONE: none */
    bool trial;      /* it was chosen although its server had failed: it is to find out */
    bool answered;
    uint32_t tried_count;
    uint8_t tried[SERVERS_MAX / 8];
};

struct servers;

/* 1 to SERVERS_MAX. NULL: out of memory. */
struct servers *servers_create(uint32_t count);
void servers_destroy(struct servers *servers);

/* A new connection: none has been tried. Not while it is counted at one. */
void servers_use_init(struct servers_use *use);

/* Chooses use->server: of those not tried yet the least busy one that is healthy (in turn, if several are), and if none is, the
 * one whose time ends first. Leaves the one before. False: all have been tried. */
bool servers_next(struct servers *servers, struct servers_use *use, uint64_t now_ms);
/* How long this try may take; 0: the caller's own limit alone counts, as no other server is left. */
uint32_t servers_try_ms(const struct servers *servers, const struct servers_use *use);

/* No connection, or it broke; ends the use. After an answer a break says nothing about the server, and is not counted. */
void servers_failed(struct servers *servers, struct servers_use *use, uint64_t now_ms);
/* Bytes have come on it. */
void servers_answered(struct servers *servers, struct servers_use *use);
/* The connection has ended without fault. Does nothing if it is counted at none. */
void servers_leave(struct servers *servers, struct servers_use *use);

/* For tests. */
struct server_facts {
    uint32_t in_use;
    uint32_t failures; /* in a row */
    uint64_t down_until_ms;
    uint32_t trials; /* connections that have it to find out whether it is back */
};
void servers_get(const struct servers *servers, uint32_t server, struct server_facts *out);

#endif
