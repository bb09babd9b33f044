/* exporter_address: where the exporter listens, and under which names it may be asked.
 *
 * A page of another origin can have a browser ask this computer under a name of its own (DNS rebinding). It then stands in the header Host:
 * only names that such a page cannot have pass. An address as such is one of them: a page that was loaded from it is ours. */
#ifndef FCGICTL_EXPORTER_ADDRESS_H
#define FCGICTL_EXPORTER_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

struct exporter_ip {
    bool v6;
    unsigned char bytes[16]; /* in network order; the first 4 when it is not v6 */
};

enum { EXPORTER_MAX_NAMES = 8 };

struct exporter_settings {
    struct exporter_ip ip;
    unsigned port;     /* 0: a free one */
    bool allow_remote; /* other machines may reach it */
    const char *names; /* "mon.example,10.0.0.1:8080" that Host may say further; "" for none. Without a port any will do. */
    bool service;
};

/* "127.0.0.1", "::1", without brackets. */
bool exporter_ip_parse(const char *str, size_t len, struct exporter_ip *ip);
bool exporter_ip_is_loopback(const struct exporter_ip *ip);
bool exporter_ip_is_any(const struct exporter_ip *ip);

/* "127.0.0.1:9889", "[::1]:9889", "localhost:0", ":9889" and "9889" (127.0.0.1). */
bool exporter_listen_parse(const char *str, struct exporter_ip *ip, unsigned *port);
/* "127.0.0.1", "[::1]": what stands in a URL before the port, or in place of an address that means all, one that reaches it. */
void exporter_ip_format(const struct exporter_ip *ip, char *place, size_t size);

/* Letters, digits, '-', '.', '_', a port: at most EXPORTER_MAX_NAMES of them. */
bool exporter_names_are_valid(const char *names);

/* May a request with this Host be answered? `local`: the address at which the client has reached us; `port`: on which we listen. */
bool exporter_host_is_allowed(const struct exporter_settings *settings, const struct exporter_ip *local, unsigned port,
                              const char *host);

#endif
