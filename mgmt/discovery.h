/* discovery: the hosts on this machine that serve a management pipe. */
#ifndef MGMT_DISCOVERY_H
#define MGMT_DISCOVERY_H

#include <stddef.h>
#include <stdint.h>

struct mgmt_host {
    uint32_t pid;
    char program[64]; /* "w3wp.exe", UTF-8, cut where it is longer */
};

/* Those that live now, of all users, by ascending pid; also hosts to which this user may not connect. -> how many there are;
 * `hosts` gets the first `max` of them. */
size_t mgmt_discover(struct mgmt_host *hosts, size_t max);

#endif
