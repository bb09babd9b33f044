/* servers: see servers.h. A server that stops breaks all its connections at once. So only a failure that comes when its server
 * is not down counts: the others are echoes of the first one, and must not double the time.
 *
 * The search is O(servers): there are a few, and one search a connection. */
#include "fcgiext/core/servers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct servers {
    uint32_t count;
    uint32_t turn; /* where the search begins, so that equals are used in turn */
    struct server_facts items[];
};

struct servers *servers_create(uint32_t count)
{
    assert(count > 0 && count <= SERVERS_MAX);
    struct servers *servers = calloc(1, sizeof *servers + count * sizeof servers->items[0]);
    if (servers)
        servers->count = count;
    return servers;
}

void servers_destroy(struct servers *servers)
{
    free(servers);
}

void servers_use_init(struct servers_use *use)
{
    memset(use, 0, sizeof *use);
    use->server = SERVERS_NONE;
}

static bool was_tried(const struct servers_use *use, uint32_t server)
{
    return use->tried[server / 8] >> server % 8 & 1;
}

static bool is_healthy(const struct server_facts *server, uint64_t now_ms)
{
    return server->failures == 0 || (now_ms >= server->down_until_ms && server->trials == 0);
}

static bool is_better(const struct server_facts *a, const struct server_facts *b, uint64_t now_ms)
{
    bool healthy = is_healthy(a, now_ms);
    if (healthy != is_healthy(b, now_ms))
        return healthy;
    return healthy ? a->in_use < b->in_use : a->down_until_ms < b->down_until_ms;
}

bool servers_next(struct servers *servers, struct servers_use *use, uint64_t now_ms)
{
    servers_leave(servers, use);
    uint32_t best = SERVERS_NONE;
    for (uint32_t i = 0; i < servers->count; i++) {
        uint32_t server = (servers->turn + i) % servers->count;
        if (!was_tried(use, server) &&
            (best == SERVERS_NONE || is_better(&servers->items[server], &servers->items[best], now_ms)))
            best = server;
    }
    if (best == SERVERS_NONE)
        return false;
    servers->turn = (best + 1) % servers->count;
    use->server = best;
    use->tried[best / 8] |= (uint8_t)(1u << best % 8);
    use->tried_count++;
    use->answered = false;
    use->trial = servers->items[best].failures > 0;
    servers->items[best].trials += use->trial;
    servers->items[best].in_use++;
    return true;
}

uint32_t servers_try_ms(const struct servers *servers, const struct servers_use *use)
{
    return use->tried_count < servers->count ? SERVERS_TRY_MS : 0;
}

static void end_trial(struct server_facts *server, struct servers_use *use)
{
    assert(server->trials >= use->trial);
    server->trials -= use->trial;
    use->trial = false;
}

static uint64_t down_time_ms(uint32_t failures)
{
    uint64_t time_ms = SERVERS_DOWN_MS;
    for (uint32_t i = 1; i < failures && time_ms < SERVERS_DOWN_MAX_MS; i++)
        time_ms *= 2;
    return time_ms < SERVERS_DOWN_MAX_MS ? time_ms : SERVERS_DOWN_MAX_MS;
}

void servers_failed(struct servers *servers, struct servers_use *use, uint64_t now_ms)
{
    if (use->server == SERVERS_NONE)
        return;
    struct server_facts *server = &servers->items[use->server];
    if (!use->answered && now_ms >= server->down_until_ms) {
        server->failures += server->failures < UINT32_MAX;
        server->down_until_ms = now_ms + down_time_ms(server->failures);
    }
    servers_leave(servers, use);
}

void servers_answered(struct servers *servers, struct servers_use *use)
{
    if (use->server == SERVERS_NONE || use->answered)
        return;
    struct server_facts *server = &servers->items[use->server];
    use->answered = true;
    server->failures = 0;
    server->down_until_ms = 0;
    end_trial(server, use);
}

void servers_leave(struct servers *servers, struct servers_use *use)
{
    if (use->server == SERVERS_NONE)
        return;
    struct server_facts *server = &servers->items[use->server];
    assert(server->in_use > 0);
    server->in_use--;
    end_trial(server, use);
    use->server = SERVERS_NONE;
}

void servers_get(const struct servers *servers, uint32_t server, struct server_facts *out)
{
    assert(server < servers->count);
    *out = servers->items[server];
}
