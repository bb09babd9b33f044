/* exporter_board: see exporter_board.h. Texts are made once a round, however many ask for them. */
#include "tools/fcgictl/exporter_board.h"

#include <stdio.h>
#include <string.h>

#include "tools/fcgictl/exporter_metrics.h"
#include "tools/fcgictl/openmetrics.h"

void exporter_board_init(struct exporter_board *board)
{
    *board = (struct exporter_board){0};
}

static void forget(struct exporter_board_host *host)
{
    exporter_digest_deinit(&host->digest);
    *host = (struct exporter_board_host){0};
}

void exporter_board_deinit(struct exporter_board *board)
{
    for (size_t i = 0; i < board->count; i++)
        forget(&board->hosts[i]);
    cJSON_Delete(board->document);
    carry_deinit(&board->carry);
    text_deinit(&board->status);
    text_deinit(&board->metrics[0]);
    text_deinit(&board->metrics[1]);
    *board = (struct exporter_board){0};
}

static struct exporter_board_host *find(struct exporter_board *board, uint32_t pid)
{
    for (size_t i = 0; i < board->count; i++)
        if (board->hosts[i].host.pid == pid)
            return &board->hosts[i];
    return NULL;
}

bool exporter_board_is_due(const struct exporter_board *board, uint64_t now_ms)
{
    return !board->running && (!board->begun || now_ms - board->begun_ms >= EXPORTER_ROUND_MS);
}

bool exporter_board_is_fresh(const struct exporter_board *board, uint64_t since_ms, uint64_t now_ms)
{
    return board->begun && !board->running && (board->ended_ms >= since_ms || !exporter_board_is_due(board, now_ms));
}

/* ---- a round */

static bool is_listed(const struct fcgictl_host *hosts, size_t count, const struct fcgictl_host *host)
{
    for (size_t i = 0; i < count; i++)
        if (hosts[i].pid == host->pid && strcmp(hosts[i].program, host->program) == 0)
            return true;
    return false;
}

/* In the order of `hosts`, with what is known of them. */
static void reconcile(struct exporter_board *board, const struct fcgictl_host *hosts, size_t count)
{
    for (size_t i = board->count; i-- > 0;)
        if (!is_listed(hosts, count, &board->hosts[i].host)) {
            forget(&board->hosts[i]);
            board->count--;
            memmove(&board->hosts[i], &board->hosts[i + 1], (board->count - i) * sizeof *board->hosts);
        }
    for (size_t i = 0, at = 0; i < count && at < FCGICTL_MAX_HOSTS; i++) {
        struct exporter_board_host *known = find(board, hosts[i].pid), *place = &board->hosts[at];
        if (known && known < place) /* it stands twice in the list */
            continue;
        struct exporter_board_host moved = known ? *known : (struct exporter_board_host){.host = hosts[i], .answers = true};
        size_t behind = known ? (size_t)(known - place) : board->count - at;
        memmove(place + 1, place, behind * sizeof *place);
        *place = moved;
        board->count += !known;
        at++;
    }
}

size_t exporter_board_begin(struct exporter_board *board, const struct fcgictl_host *hosts, size_t count, uint64_t now_ms,
                            uint32_t *pids)
{
    size_t asked = 0;
    reconcile(board, hosts, count);
    board->running = board->begun = true;
    board->begun_ms = now_ms;
    for (size_t i = 0; i < board->count; i++) {
        struct exporter_board_host *host = &board->hosts[i];
        host->awaited = !host->asked && host->answers;
        if (host->asked)
            continue;
        host->asked = true;
        host->asked_ms = now_ms;
        pids[asked++] = host->host.pid;
    }
    return asked;
}

void exporter_board_take(struct exporter_board *board, uint32_t pid, struct exporter_digest *digest, uint64_t now_ms)
{
    struct exporter_board_host *host = find(board, pid);
    if (!host || !host->asked) {
        exporter_digest_deinit(digest);
        return;
    }
    exporter_digest_deinit(&host->digest);
    host->digest = *digest;
    *digest = (struct exporter_digest){0};
    host->asked = host->awaited = false;
    host->answers = host->answered = true;
    host->answered_ms = now_ms;
}

void exporter_board_fail(struct exporter_board *board, uint32_t pid, const struct reply *failure)
{
    struct exporter_board_host *host = find(board, pid);
    if (!host || !host->asked)
        return;
    host->asked = host->awaited = host->answers = false;
    snprintf(host->reason, sizeof host->reason, "%s", failure->reason);
    snprintf(host->message, sizeof host->message, "%s", failure->message);
}

uint64_t exporter_board_left_ms(const struct exporter_board *board, uint64_t now_ms)
{
    uint64_t end_ms = board->begun_ms + EXPORTER_PATIENCE_MS;
    for (size_t i = 0; i < board->count; i++)
        if (board->hosts[i].awaited)
            return now_ms < end_ms ? end_ms - now_ms : 0;
    return 0;
}

/* In each round, whether somebody wants it or not: what a host has counted is to be known when it has gone. */
static void make_document(struct exporter_board *board, uint64_t now_ms)
{
    struct exporter_metrics_host hosts[FCGICTL_MAX_HOSTS];
    for (size_t i = 0; i < board->count; i++) {
        const struct exporter_board_host *host = &board->hosts[i];
        hosts[i] = (struct exporter_metrics_host){
            .pid = host->host.pid,
            .program = host->host.program,
            .metrics = host->answers && host->answered ? host->digest.metrics : NULL,
        };
    }
    cJSON_Delete(board->document);
    board->document = exporter_metrics_document(hosts, board->count);
    if (board->document && !carry_on(&board->carry, board->document, (double)now_ms / 1000)) {
        cJSON_Delete(board->document);
        board->document = NULL;
    }
}

void exporter_board_end(struct exporter_board *board, uint64_t now_ms)
{
    board->running = false;
    board->ended_ms = now_ms;
    for (size_t i = 0; i < board->count; i++) {
        struct exporter_board_host *host = &board->hosts[i];
        host->awaited = false;
        if (!host->asked)
            continue;
        host->answers = false;
        snprintf(host->reason, sizeof host->reason, "silent");
        snprintf(host->message, sizeof host->message, "host %lu has not answered yet", (unsigned long)host->host.pid);
    }
    make_document(board, now_ms);
    text_clear(&board->status);
    text_clear(&board->metrics[0]);
    text_clear(&board->metrics[1]);
}

/* ---- answers */

static void copy(struct text *made, struct text *out)
{
    text_add(out, text_str(made));
    out->failed = out->failed || made->failed;
    if (made->failed)
        text_deinit(made);
}

void exporter_board_status(struct exporter_board *board, uint64_t now_ms, uint64_t now_unix_ms, struct text *out)
{
    struct exporter_status_host hosts[FCGICTL_MAX_HOSTS];
    exporter_status_head(now_unix_ms, board->begun ? (double)(now_ms - board->ended_ms) / 1000 : 0, out);
    for (size_t i = 0; i < board->count && board->status.len == 0; i++) {
        const struct exporter_board_host *host = &board->hosts[i];
        hosts[i] = (struct exporter_status_host){
            .host = &host->host,
            .digest = host->answered ? &host->digest : NULL,
            .answers = host->answers,
            .age_s = host->answered && board->ended_ms > host->answered_ms
                         ? (double)(board->ended_ms - host->answered_ms) / 1000
                         : 0,
            .reason = host->reason,
            .message = host->message,
        };
    }
    if (board->status.len == 0)
        exporter_status_body(hosts, board->count, &board->status);
    copy(&board->status, out);
}

void exporter_board_metrics(struct exporter_board *board, bool strict, struct text *out)
{
    struct text *made = &board->metrics[strict];
    if (made->len == 0 && board->document)
        openmetrics_add(made, board->document, strict ? OPENMETRICS_STRICT : OPENMETRICS_FOR_ALL);
    made->failed |= !board->document;
    copy(made, out);
}

int exporter_board_health(const struct exporter_board *board, struct text *out)
{
    unsigned long answering = 0;
    for (size_t i = 0; i < board->count; i++)
        answering += board->hosts[i].answers && board->hosts[i].answered;
    if (answering > 0)
        text_addf(out, "ok: %lu of %lu hosts answering", answering, (unsigned long)board->count);
    else if (board->count > 0)
        text_addf(out, "none of %lu hosts answers", (unsigned long)board->count);
    else
        text_add(out, "no host: no process has loaded fcgiext.dll");
    text_add(out, "\n");
    return answering > 0 ? 200 : 503;
}
