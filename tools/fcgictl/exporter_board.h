/* exporter_board: what the hosts have said last, and when each is asked again.
 *
 * Hosts are asked in rounds, of which one begins at most every EXPORTER_ROUND_MS, and only if somebody wants to know. A round asks all hosts
 * at the same time. It ends when those have answered that are expected to, or after EXPORTER_PATIENCE_MS: a host that keeps silent is asked
 * once, and nobody waits for it again until it has answered.
 *
 * Pure: who calls it holds a lock, asks the hosts without it, and says what the time is. */
#ifndef FCGICTL_EXPORTER_BOARD_H
#define FCGICTL_EXPORTER_BOARD_H

#include "tools/fcgictl/carry.h"
#include "tools/fcgictl/client.h"
#include "tools/fcgictl/exporter_status.h"

enum { EXPORTER_ROUND_MS = 1000, EXPORTER_PATIENCE_MS = 1500 };

struct exporter_board_host {
    struct fcgictl_host host;
    bool asked;    /* somebody is asking it */
    bool awaited;  /* the round waits for it */
    bool answers;  /* the last time */
    bool answered; /* ever: the digest is there */
    uint64_t asked_ms, answered_ms;
    struct exporter_digest digest;
    char reason[64]; /* why it does not answer */
    char message[512];
};

struct exporter_board {
    struct exporter_board_host hosts[FCGICTL_MAX_HOSTS];
    size_t count;
    bool running; /* a round is */
    bool begun;   /* there was one */
    uint64_t begun_ms, ended_ms;
    struct carry carry;
    cJSON *document;                /* the metrics of the last round; NULL: out of memory, or there was none */
    struct text status, metrics[2]; /* of the last round, `metrics` by dialect; empty: not made yet */
};

void exporter_board_init(struct exporter_board *board);
void exporter_board_deinit(struct exporter_board *board);

/* Is what is there new enough for somebody who has asked at `since_ms`? If not, a round is to begin, or to be waited for. */
bool exporter_board_is_fresh(const struct exporter_board *board, uint64_t since_ms, uint64_t now_ms);
/* May a round begin? */
bool exporter_board_is_due(const struct exporter_board *board, uint64_t now_ms);

/* A round begins: with these hosts, and no others any more. -> how many are to be asked; `pids` gets them, and has room for
 * FCGICTL_MAX_HOSTS. */
size_t exporter_board_begin(struct exporter_board *board, const struct fcgictl_host *hosts, size_t count, uint64_t now_ms,
                            uint32_t *pids);
/* A host has answered: takes the digest. Or it has not, and `failure` says why. A host that is not there any more is ignored. */
void exporter_board_take(struct exporter_board *board, uint32_t pid, struct exporter_digest *digest, uint64_t now_ms);
void exporter_board_fail(struct exporter_board *board, uint32_t pid, const struct reply *failure);
/* How long the round may still go on; 0: it is over, end it. */
uint64_t exporter_board_left_ms(const struct exporter_board *board, uint64_t now_ms);
void exporter_board_end(struct exporter_board *board, uint64_t now_ms);

/* Answers. Of the last round; each fills `out`, and sets out->failed when there is no memory. */
void exporter_board_status(struct exporter_board *board, uint64_t now_ms, uint64_t now_unix_ms, struct text *out);
void exporter_board_metrics(struct exporter_board *board, bool strict, struct text *out);
/* -> the status: 200 when a host answers, else 503 */
int exporter_board_health(const struct exporter_board *board, struct text *out);

#endif
