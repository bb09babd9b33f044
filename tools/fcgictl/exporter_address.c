/* exporter_address: see exporter_address.h. */
#include "tools/fcgictl/exporter_address.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tools/fcgictl/words.h"

enum { MAX_NAME_LEN = 255 };

/* ---- addresses */

/* Digits only: no signs, no spaces, no octal. */
static bool parse_number(const char *str, size_t len, unsigned most, unsigned *number)
{
    char digits[8];
    uint64_t value = 0;
    if (len == 0 || len >= sizeof digits || (len > 1 && str[0] == '0'))
        return false;
    memcpy(digits, str, len);
    digits[len] = '\0';
    if (!words_parse_number(digits, 0, most, &value))
        return false;
    *number = (unsigned)value;
    return true;
}

static size_t length_up_to(const char *str, size_t len, char end)
{
    const char *found = len > 0 ? memchr(str, end, len) : NULL;
    return found ? (size_t)(found - str) : len;
}

static bool parse_v4(const char *str, size_t len, struct exporter_ip *ip)
{
    for (int i = 0; i < 4; i++) {
        unsigned part = 0;
        size_t digits = length_up_to(str, len, '.');
        if (!parse_number(str, digits, 255, &part) || (digits < len) != (i < 3))
            return false;
        ip->bytes[i] = (unsigned char)part;
        str += digits + (i < 3);
        len -= digits + (i < 3);
    }
    return true;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    return found && c != '\0' ? (int)(found - digits) : -1;
}

/* Groups of up to 4 digits, "::" once for what is left of 8 groups. No zones, no dotted ends. */
static bool parse_v6(const char *str, size_t len, struct exporter_ip *ip)
{
    unsigned char bytes[16] = {0};
    size_t count = 0, gap = 17, i = 0; /* bytes */
    bool colon = true;                 /* a group may follow */
    if (len >= 2 && memcmp(str, "::", 2) == 0)
        gap = 0, i = 2;
    while (i < len) {
        unsigned group = 0;
        size_t digits = 0;
        for (; i < len && digits < 4 && hex_digit(str[i]) >= 0; i++, digits++)
            group = group * 16 + (unsigned)hex_digit(str[i]);
        if (digits == 0 || !colon || count == 16)
            return false;
        bytes[count++] = (unsigned char)(group >> 8);
        bytes[count++] = (unsigned char)group;
        colon = i < len && str[i] == ':';
        i += colon;
        if (colon && i < len && str[i] == ':') {
            if (gap <= 16)
                return false;
            gap = count;
            i++;
        } else if (colon && i == len)
            return false;
    }
    if (gap > 16 ? count != 16 : count > 14)
        return false;
    gap = gap > 16 ? 16 : gap;
    memset(ip->bytes, 0, sizeof ip->bytes);
    memcpy(ip->bytes, bytes, gap);
    memcpy(ip->bytes + 16 - (count - gap), bytes + gap, count - gap);
    return true;
}

bool exporter_ip_parse(const char *str, size_t len, struct exporter_ip *ip)
{
    struct exporter_ip parsed = {.v6 = len > 0 && memchr(str, ':', len) != NULL};
    if (!(parsed.v6 ? parse_v6(str, len, &parsed) : parse_v4(str, len, &parsed)))
        return false;
    *ip = parsed;
    return true;
}

static bool is_same(const struct exporter_ip *a, const struct exporter_ip *b)
{
    return a->v6 == b->v6 && memcmp(a->bytes, b->bytes, a->v6 ? 16 : 4) == 0;
}

bool exporter_ip_is_loopback(const struct exporter_ip *ip)
{
    static const struct exporter_ip loopback = {.v6 = true, .bytes = {[15] = 1}};
    return ip->v6 ? is_same(ip, &loopback) : ip->bytes[0] == 127;
}

bool exporter_ip_is_any(const struct exporter_ip *ip)
{
    static const unsigned char zeros[16];
    return memcmp(ip->bytes, zeros, ip->v6 ? 16 : 4) == 0;
}

void exporter_ip_format(const struct exporter_ip *ip, char *place, size_t size)
{
    const unsigned char *b = ip->bytes;
    size_t used = 1;
    if (exporter_ip_is_any(ip) || (ip->v6 && exporter_ip_is_loopback(ip))) {
        snprintf(place, size, "%s", ip->v6 ? "[::1]" : "127.0.0.1");
        return;
    }
    if (!ip->v6) {
        snprintf(place, size, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
        return;
    }
    snprintf(place, size, "[");
    for (int i = 0; i < 16 && used < size; i += 2)
        used += (size_t)snprintf(place + used, size - used, "%x%s", (unsigned)(b[i] << 8 | b[i + 1]), i < 14 ? ":" : "]");
}

/* ---- where to listen */

/* "[::1]:80" -> the part before the port, without brackets, and the port. false: it is not like that. No port: *port stays. */
static bool split(const char *str, const char **name, size_t *name_len, bool *bracketed, unsigned *port)
{
    const char *rest;
    *bracketed = str[0] == '[';
    *name = str + *bracketed;
    *name_len = *bracketed ? strcspn(*name, "]") : strcspn(str, ":");
    rest = *name + *name_len;
    if (*bracketed && *rest++ != ']')
        return false;
    if (*rest == '\0')
        return true;
    return *rest == ':' && parse_number(rest + 1, strlen(rest + 1), 65535, port);
}

static bool is_localhost(const char *name, size_t len)
{
    char copy[16];
    if (len != strlen("localhost"))
        return false;
    memcpy(copy, name, len);
    copy[len] = '\0';
    return words_equal_nocase(copy, "localhost");
}

bool exporter_listen_parse(const char *str, struct exporter_ip *ip, unsigned *port)
{
    static const struct exporter_ip local = {.bytes = {127, 0, 0, 1}};
    const char *name;
    size_t len;
    bool bracketed;
    unsigned found = 65536;
    if (parse_number(str, strlen(str), 65535, port)) {
        *ip = local;
        return true;
    }
    if (!split(str, &name, &len, &bracketed, &found) || found > 65535)
        return false;
    *port = found;
    if (!bracketed && (len == 0 || is_localhost(name, len))) {
        *ip = local;
        return true;
    }
    return exporter_ip_parse(name, len, ip) && ip->v6 == bracketed;
}

/* ---- names */

static bool is_name(const char *name, size_t len)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]";
    unsigned port = 0;
    char copy[MAX_NAME_LEN + 1];
    const char *host;
    size_t host_len;
    bool bracketed;
    if (len == 0 || len > MAX_NAME_LEN || strspn(name, allowed) < len)
        return false;
    memcpy(copy, name, len);
    copy[len] = '\0';
    return split(copy, &host, &host_len, &bracketed, &port) && host_len > 0;
}

bool exporter_names_are_valid(const char *names)
{
    for (unsigned count = 1;; count++) {
        size_t len = strcspn(names, ",");
        if (!is_name(names, len) || count > EXPORTER_MAX_NAMES)
            return false;
        if (names[len] == '\0')
            return true;
        names += len + 1;
    }
}

/* Host is one of the names, with the port that stands there, or with any. */
static bool is_named(const char *names, const char *host, size_t host_name_len)
{
    while (*names) {
        char name[MAX_NAME_LEN + 1], asked[MAX_NAME_LEN + 1];
        const char *part;
        size_t len = strcspn(names, ","), part_len;
        bool bracketed;
        unsigned port = 65536;
        snprintf(name, sizeof name, "%.*s", (int)len, names);
        bool with_port = split(name, &part, &part_len, &bracketed, &port) && port < 65536;
        snprintf(asked, sizeof asked, "%.*s", with_port ? MAX_NAME_LEN : (int)host_name_len, host);
        if (words_equal_nocase(name, asked))
            return true;
        names += len + (names[len] == ',');
    }
    return false;
}

bool exporter_host_is_allowed(const struct exporter_settings *settings, const struct exporter_ip *local, unsigned port,
                              const char *host)
{
    const char *name;
    size_t len;
    bool bracketed;
    unsigned asked = 80;
    struct exporter_ip ip;
    if (strlen(host) > MAX_NAME_LEN || !split(host, &name, &len, &bracketed, &asked) || len == 0)
        return false;
    if (settings->allow_remote && is_named(settings->names, host, len + (bracketed ? 2u : 0u)))
        return true;
    if (asked != port)
        return false;
    if (!bracketed && is_localhost(name, len))
        return true;
    if (!exporter_ip_parse(name, len, &ip) || ip.v6 != bracketed)
        return false;
    static const struct exporter_ip v4 = {.bytes = {127, 0, 0, 1}}, v6 = {.v6 = true, .bytes = {[15] = 1}};
    return is_same(&ip, &v4) || is_same(&ip, &v6) || (!exporter_ip_is_any(&ip) && is_same(&ip, &settings->ip)) ||
           (settings->allow_remote && is_same(&ip, local));
}
