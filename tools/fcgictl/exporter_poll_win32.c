/* exporter_poll_win32: see exporter_poll_win32.h. One thread begins and ends rounds; each host has a thread of its own that asks it, so that
 * one that hangs holds up nobody. The lock is held over the board only, never over a call.
 *
 * A host's thread is told by its pid on the board whether it is still wanted, and frees what it has when it ends. */
#include "tools/fcgictl/exporter_poll_win32.h"

#include <winsock2.h>

#include <windows.h>

#include <process.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/fcgictl/clock_win32.h"
#include "tools/fcgictl/exporter_board.h"
#include "tools/fcgictl/hosts_win32.h"

enum { REPLY_MS = 10000, ANSWER_MS = 5000 };

struct asker {
    uint32_t pid;
    HANDLE wake;
    volatile LONG ending;
    struct hosts_win32_connection connection;
};

static struct {
    CRITICAL_SECTION lock; /* over the board */
    struct exporter_board board;
    HANDLE wanted;                           /* auto-reset: somebody wants a round */
    HANDLE settled;                          /* auto-reset: a host has answered, or failed */
    HANDLE over;                             /* manual: no round is running */
    HANDLE stop;                             /* manual */
    struct asker *askers[FCGICTL_MAX_HOSTS]; /* the poller's; NULL: free */
} self;

/* ---- one host */

static enum fcgictl_call call(void *context, uint32_t pid, const char *line, unsigned timeout_ms, char **reply, char *why,
                              size_t why_size)
{
    struct asker *asker = context;
    return hosts_win32_call(&asker->connection, pid, line, timeout_ms, reply, why, why_size);
}

static bool pause(void *context, unsigned ms)
{
    struct asker *asker = context;
    Sleep(ms);
    return !asker->ending;
}

/* false: `failure` says why. */
static bool ask(struct asker *asker, struct exporter_digest *digest, struct reply *failure)
{
    struct fcgictl_hosts hosts = {.context = asker, .call = call};
    struct fcgictl_terminal terminal = {.context = asker, .wait = pause};
    struct fcgictl_environment environment = {.hosts = &hosts, .terminal = &terminal};
    struct fcgictl_host host = {.pid = asker->pid};
    cJSON *results[EXPORTER_METHODS] = {0};
    bool good = true;
    for (int i = 0; i < EXPORTER_METHODS && good; i++) {
        cJSON *params;
        while (good && exporter_next_page(results[i], i, &params)) {
            struct reply reply;
            client_call(&environment, &host, exporter_methods[i], params, REPLY_MS, &reply);
            good = reply.result != NULL;
            if (good)
                exporter_add_page(&results[i], i, cJSON_DetachItemViaPointer(reply.document, reply.result));
            else
                *failure = reply;
            client_free(&reply);
        }
    }
    if (good) {
        exporter_digest_make(digest, asker->pid, results);
        good = !digest->failed;
        if (!good) {
            exporter_digest_deinit(digest);
            snprintf(failure->reason, sizeof failure->reason, "no_memory");
            snprintf(failure->message, sizeof failure->message, "the exporter is out of memory");
        }
    }
    for (int i = 0; i < EXPORTER_METHODS; i++)
        cJSON_Delete(results[i]);
    return good;
}

static unsigned __stdcall run_asker(void *argument)
{
    struct asker *asker = argument;
    for (;;) {
        WaitForSingleObject(asker->wake, INFINITE);
        if (asker->ending)
            break;
        struct exporter_digest digest = {0};
        struct reply failure = {0};
        bool good = ask(asker, &digest, &failure);
        EnterCriticalSection(&self.lock);
        if (good)
            exporter_board_take(&self.board, asker->pid, &digest, clock_win32_ms());
        else
            exporter_board_fail(&self.board, asker->pid, &failure);
        LeaveCriticalSection(&self.lock);
        SetEvent(self.settled);
    }
    hosts_win32_give_up(&asker->connection);
    CloseHandle(asker->wake);
    free(asker);
    return 0;
}

static struct asker *start_asker(uint32_t pid)
{
    struct asker *asker = calloc(1, sizeof *asker);
    HANDLE thread = NULL;
    if (!asker)
        return NULL;
    asker->pid = pid;
    asker->wake = CreateEventW(NULL, FALSE, FALSE, NULL);
    if (asker->wake)
        thread = (HANDLE)_beginthreadex(NULL, 0, run_asker, asker, 0, NULL);
    if (thread) {
        CloseHandle(thread);
        return asker;
    }
    if (asker->wake)
        CloseHandle(asker->wake);
    free(asker);
    return NULL;
}

/* ---- rounds */

static void end_asker(size_t index)
{
    InterlockedExchange(&self.askers[index]->ending, 1);
    SetEvent(self.askers[index]->wake);
    self.askers[index] = NULL;
}

static bool is_listed(const struct fcgictl_host *hosts, size_t count, uint32_t pid)
{
    for (size_t i = 0; i < count; i++)
        if (hosts[i].pid == pid)
            return true;
    return false;
}

static struct asker *asker_of(uint32_t pid)
{
    size_t free_place = FCGICTL_MAX_HOSTS;
    for (size_t i = 0; i < FCGICTL_MAX_HOSTS; i++) {
        if (self.askers[i] && self.askers[i]->pid == pid)
            return self.askers[i];
        if (!self.askers[i] && free_place == FCGICTL_MAX_HOSTS)
            free_place = i;
    }
    if (free_place == FCGICTL_MAX_HOSTS)
        return NULL;
    return self.askers[free_place] = start_asker(pid);
}

static void wake_asker(uint32_t pid)
{
    struct asker *asker = asker_of(pid);
    if (asker) {
        SetEvent(asker->wake);
        return;
    }
    struct reply failure = {.reason = "no_memory", .message = "the exporter cannot start a thread"};
    EnterCriticalSection(&self.lock);
    exporter_board_fail(&self.board, pid, &failure);
    LeaveCriticalSection(&self.lock);
}

static uint64_t left_ms(void)
{
    EnterCriticalSection(&self.lock);
    uint64_t left = exporter_board_left_ms(&self.board, clock_win32_ms());
    LeaveCriticalSection(&self.lock);
    return left;
}

static void run_round(const struct fcgictl_hosts *discovery)
{
    static struct fcgictl_host hosts[FCGICTL_MAX_HOSTS];
    uint32_t pids[FCGICTL_MAX_HOSTS];
    HANDLE events[] = {self.stop, self.settled};
    uint64_t left;
    size_t count = discovery->list(discovery->context, hosts, FCGICTL_MAX_HOSTS);
    for (size_t i = 0; i < FCGICTL_MAX_HOSTS; i++)
        if (self.askers[i] && !is_listed(hosts, count, self.askers[i]->pid))
            end_asker(i);
    EnterCriticalSection(&self.lock);
    size_t asked = exporter_board_begin(&self.board, hosts, count, clock_win32_ms(), pids);
    LeaveCriticalSection(&self.lock);
    for (size_t i = 0; i < asked; i++)
        wake_asker(pids[i]);
    while ((left = left_ms()) > 0 && WaitForMultipleObjects(2, events, FALSE, (DWORD)left) != WAIT_OBJECT_0)
        ;
    EnterCriticalSection(&self.lock);
    exporter_board_end(&self.board, clock_win32_ms());
    LeaveCriticalSection(&self.lock);
}

static unsigned __stdcall run_poller(void *unused)
{
    struct fcgictl_hosts discovery;
    HANDLE events[] = {self.stop, self.wanted};
    (void)unused;
    hosts_win32_init(&discovery);
    while (WaitForMultipleObjects(2, events, FALSE, INFINITE) != WAIT_OBJECT_0) {
        EnterCriticalSection(&self.lock);
        bool due = exporter_board_is_due(&self.board, clock_win32_ms());
        LeaveCriticalSection(&self.lock);
        if (due)
            run_round(&discovery);
        SetEvent(self.over);
    }
    SetEvent(self.over);
    return 0;
}

uint32_t exporter_poll_start(void)
{
    InitializeCriticalSection(&self.lock);
    exporter_board_init(&self.board);
    self.wanted = CreateEventW(NULL, FALSE, FALSE, NULL);
    self.settled = CreateEventW(NULL, FALSE, FALSE, NULL);
    self.over = CreateEventW(NULL, TRUE, TRUE, NULL);
    self.stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!self.wanted || !self.settled || !self.over || !self.stop)
        return GetLastError();
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, run_poller, NULL, 0, NULL);
    if (!thread)
        return ERROR_NOT_ENOUGH_MEMORY;
    CloseHandle(thread);
    return 0;
}

void exporter_poll_stop(void)
{
    SetEvent(self.stop);
}

/* false: none is running, or it has lasted too long. */
static bool wait_for_round(uint64_t since_ms)
{
    uint64_t gone = clock_win32_ms() - since_ms;
    if (gone >= ANSWER_MS || WaitForSingleObject(self.stop, 0) == WAIT_OBJECT_0)
        return false;
    SetEvent(self.wanted);
    WaitForSingleObject(self.over, (DWORD)(ANSWER_MS - gone));
    return true;
}

int exporter_poll_answer(const struct exporter_route *route, struct text *out)
{
    int status = 200;
    uint64_t since_ms = clock_win32_ms();
    EnterCriticalSection(&self.lock);
    while (!exporter_board_is_fresh(&self.board, since_ms, clock_win32_ms())) {
        ResetEvent(self.over);
        LeaveCriticalSection(&self.lock);
        bool goes_on = wait_for_round(since_ms);
        EnterCriticalSection(&self.lock);
        if (!goes_on)
            break;
    }
    if (route->page == EXPORTER_PAGE_METRICS)
        exporter_board_metrics(&self.board, route->strict, out);
    else if (route->page == EXPORTER_PAGE_STATUS)
        exporter_board_status(&self.board, clock_win32_ms(), clock_win32_unix_ms(), out);
    else
        status = exporter_board_health(&self.board, out);
    LeaveCriticalSection(&self.lock);
    return status;
}
