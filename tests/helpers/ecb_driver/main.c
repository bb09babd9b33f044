/* ecb_driver: drives fcgiext.dll without HTTP. What it prints is read by tests/system/test_ecb_driver.py and by people.
 *
 *   ecb_driver DLL waiting COUNT...       requests that all wait at once: memory a request
 *   ecb_driver DLL cost ROUNDS COUNT...   cost of an arrival and of a hand-off with so many waiting, and the ratio to the first
 *   ecb_driver DLL io MODE COUNT          how often so many requests, one after the other, make the DLL call the system
 *   ecb_driver DLL vanish MODE COUNT...   clients that go while their requests wait (so many, some of them), send, receive
 *   ecb_driver DLL faults MODE COUNT      COUNT requests with each fault of the host
 *   ecb_driver DLL paths MODE             what becomes of paths that are not what they seem
 *   ecb_driver DLL rewritten MODE         what a program sees after URL Rewrite
 *   ecb_driver DLL lengths MODE LENGTH... header fields of so many bytes
 *   ecb_driver DLL users MODE TRACKS COUNT  rounds of requests of three users: as whom all is done for them; TRACKS: 0 with Impersonate=0
 *   ecb_driver DLL token MODE FAILURE     what becomes of requests when a call for their token fails; see spy.h, and faults
 *   ecb_driver DLL look MODE              files and folders that the host is to answer itself, as whom they are looked for
 *   ecb_driver DLL foreign MODE           a process of nobody's takes the name of a worker's pipe
 *   ecb_driver DLL full-log MODE COUNT    requests that fail while the event log is full, and when it is no more
 *   ecb_driver DLL cycles COUNT           load, requests, unload; what is left afterwards
 *   ecb_driver DLL rate SECONDS COUNT...  requests a second with so many running; "-" as DLL: what the driver itself takes
 *   ecb_driver DLL download BYTES COUNT   one long answer after the other; both for tests/bench, see rate.h
 *   ecb_driver - breach NAME              breaks a rule of ISAPI itself: ends with 3 and the rule's name
 *
 * MODE: completions inline, thread or late. The pool `echo` of the ini that FCGIEXT_INI names must run the demo's responder,
 * one instance of it for all but faults, cycles and rate. Exit code 0: no rule was broken. */
#include "fcgiext/win32/io_counts.h"
#include "tests/helpers/ecb_driver/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/helpers/ecb_driver/breaches.h"
#include "tests/helpers/ecb_driver/census.h"
#include "tests/helpers/ecb_driver/foreign.h"
#include "tests/helpers/ecb_driver/full_log.h"
#include "tests/helpers/ecb_driver/identity.h"
#include "tests/helpers/ecb_driver/rate.h"

enum { WAIT_MS = 120000, MAX_SIZES = 8, MAX_ROUNDS = 100, REFILLS = 200 };

static const struct request_plan get = {.method = "GET", .query = "page=env"};
static const struct request_plan told = {.method = "GET", .query = "page=process", .keep_answer = true};
/* Holds its worker until host_resume. */
static const struct request_plan holder = {.method = "POST", .query = "page=echo", .body_len = 1000, .client = CLIENT_PAUSES};

static struct host host; /* too large for a stack; one at a time */

static void wait_all(void)
{
    if (!host_wait_all(&host, WAIT_MS))
        die("%ld of %ld requests have not ended", host.totals.begun - host.totals.ended, host.totals.begun);
}

/* The only worker has a request that waits for its client. */
static void hold_worker(void)
{
    host_begin(&host, &holder);
    if (!host_wait_paused(&host, WAIT_MS))
        die("the worker's request has not asked for its body");
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    return count ? values[count / 2] : 0;
}

static void waiting(const WCHAR *dll, unsigned count)
{
    host_open(&host, dll, COMPLETIONS_THREAD);
    hold_worker();
    for (unsigned i = 0; i < 8; i++) /* first uses, growing lists */
        host_begin(&host, &get);
    SIZE_T before = private_bytes();
    for (unsigned i = 0; i < count; i++)
        host_begin(&host, &get);
    SIZE_T after = private_bytes();
    if (host.totals.ended)
        die("a request ended that should wait");
    printf("waiting %u: memory %.0f bytes a request\n", count, (double)(after - before) / count);
    host_resume(&host);
    host_close(&host); /* ends them all */
    printf("waiting %u: %ld of %ld ended\n", count, host.totals.ended, host.totals.begun);
}

/* ---- cost ---- */

struct cost {
    double arrival[MAX_ROUNDS], hand_off[MAX_ROUNDS];
};

/* For each request that ends a new one arrives, so always `count` wait. */
static void measure(const WCHAR *dll, unsigned count, double *arrival, double *hand_off)
{
    host_open(&host, dll, COMPLETIONS_THREAD);
    hold_worker();
    for (unsigned i = 0; i < count; i++)
        host_begin(&host, &get);
    host_refill(&host, &get, REFILLS);
    host_resume(&host);
    if (!host_wait_refilled(&host, WAIT_MS))
        die("%ld requests have ended, %d should have", host.totals.ended, REFILLS);
    *hand_off = median(host.hand_off.ns, (size_t)host.hand_off.count);
    *arrival = median(host.arrival.ns, (size_t)host.arrival.count);
    host_close(&host);
    if (host.totals.begun != (LONG)count + 1 + REFILLS)
        die("%ld requests have begun", host.totals.begun);
}

/* The sizes take turns, so that whatever else the machine does meets all of them. */
static void cost(const WCHAR *dll, unsigned rounds, const unsigned *sizes, unsigned size_count)
{
    static struct cost costs[MAX_SIZES];
    double first_arrival = 0, first_hand_off = 0;
    for (unsigned round = 0; round < rounds; round++)
        for (unsigned i = 0; i < size_count; i++)
            measure(dll, sizes[i], &costs[i].arrival[round], &costs[i].hand_off[round]);
    for (unsigned i = 0; i < size_count; i++) {
        double arrival = median(costs[i].arrival, rounds), hand_off = median(costs[i].hand_off, rounds);
        if (i == 0) {
            first_arrival = arrival;
            first_hand_off = hand_off;
        }
        printf("cost %u: arrival %.0f ns (%.2f), hand-off %.0f ns (%.2f)\n", sizes[i], arrival, arrival / first_arrival,
               hand_off, hand_off / first_hand_off);
    }
}

/* ---- calls of the system ---- */

static enum completions mode_of(const char *name)
{
    if (strcmp(name, "inline") == 0)
        return COMPLETIONS_INLINE;
    return strcmp(name, "late") == 0 ? COMPLETIONS_LATE : COMPLETIONS_THREAD;
}

static void count_io(struct fcgiext_io_counts *counts)
{
    BOOL(WINAPI * ask)
    (struct fcgiext_io_counts *) =
        (BOOL(WINAPI *)(struct fcgiext_io_counts *))(void *)GetProcAddress(host.dll, "FcgiextIoCounts");
    counts->size = sizeof *counts;
    if (!ask || !ask(counts))
        die("the DLL does not tell its counts");
}

/* One request after the other, when the first ones have started the worker and made its connection. */
static void io(const WCHAR *dll, const char *mode, unsigned count)
{
    enum { FIRST = 5 };
    struct fcgiext_io_counts before, after;
    host_open(&host, dll, mode_of(mode));
    for (unsigned i = 0; i < FIRST + count; i++) {
        if (i == FIRST)
            count_io(&before);
        host_begin(&host, &get);
        wait_all();
    }
    count_io(&after);
    if (host.totals.answered[2] != (LONG)(FIRST + count))
        die("%ld of %u requests were answered", host.totals.answered[2], FIRST + count);
    printf("io %u: writes %ld reads %ld opens %ld\n", count, after.writes - before.writes, after.reads - before.reads,
           after.opens - before.opens);
    host_close(&host);
}

/* ---- faults and vanished clients ---- */

static void faults(const WCHAR *dll, const char *mode, unsigned count)
{
    for (enum fault fault = FAULT_NONE; fault < FAULT_COUNT; fault++) {
        host_open(&host, dll, mode_of(mode));
        for (unsigned i = 0; i < count; i++) {
            struct request_plan plan = {.method = "POST", .query = "page=echo", .fault = fault};
            plan.body_len = i % 2 ? 150000 : 100;
            plan.available = i % 2 ? 40000 : 100;
            host_begin(&host, &plan);
        }
        if (!host_wait_all(&host, WAIT_MS))
            die("%s: %ld of %ld requests have not ended", fault_names[fault], host.totals.begun - host.totals.ended,
                host.totals.begun);
        const struct host_totals *totals = &host.totals;
        printf("fault %s: ended %ld refused %ld silent %ld 2xx %ld 4xx %ld 5xx %ld\n", fault_names[fault], totals->ended,
               totals->refused, totals->answered[0], totals->answered[2], totals->answered[4], totals->answered[5]);
        host_close(&host);
    }
}

/* What follows `mark` in the answer of the last request that was `told`, up to the end of its line. */
static void fact(const char *mark, char *value, size_t size)
{
    const char *at = strstr(host.answer, mark);
    if (!at)
        die("the answer has no %s: %s", mark, host.answer);
    at += strlen(mark);
    snprintf(value, size, "%.*s", (int)strcspn(at, "\r\n"), at);
}

/* The worker that answers now, and how many requests it has had. */
static unsigned ask_worker(unsigned *process)
{
    char value[32];
    host.answer_len = 0;
    host_begin(&host, &told);
    wait_all();
    fact("X-Worker-Pid: ", value, sizeof value);
    *process = (unsigned)atoi(value);
    fact("X-Worker-Requests: ", value, sizeof value);
    return (unsigned)atoi(value);
}

/* ---- paths ---- */

static const struct path_plan odd_paths[] = {
    {"plain", "/app/x.fcgi", "/app/x.fcgi/more", "C:\\site\\app\\x.fcgi\\more"},
    {"empty path info", "/app/x.fcgi", "", "C:\\site"},
    {"empty path info and translation", "/app/x.fcgi", "", ""},
    {"slash behind", "/app/x.fcgi", "/app/x.fcgi/", "C:\\site\\app\\x.fcgi\\"},
    {"tricks behind", "/app/x.fcgi", "/app/x.fcgi/a./C~1.PHP", "C:\\site\\app\\x.fcgi\\a.\\C~1.PHP"},
    {"newline", "/app/x.fcgi", "/app/x.fcgi/a\nb", "C:\\site\\app\\x.fcgi\\a\nb"},
    {"newline in the script", "/app/x\n.fcgi", "/app/x\n.fcgi", "C:\\site\\app\\x\n.fcgi"},
    {"picture", "/app/file.jpg/x.fcgi", "/app/file.jpg/x.fcgi", "C:\\site\\app\\file.jpg\\x.fcgi"},
    {"dot", "/app/x.fcgi.", "/app/x.fcgi.", "C:\\site\\app\\x.fcgi."},
    {"space", "/app/x.fcgi ", "/app/x.fcgi ", "C:\\site\\app\\x.fcgi "},
    {"stream", "/app/x.fcgi::$DATA", "/app/x.fcgi::$DATA", "C:\\site\\app\\x.fcgi::$DATA"},
    {"short name", "/app/X~1.FCG", "/app/X~1.FCG", "C:\\site\\app\\X~1.FCG"},
    {"folder with a dot", "/app./x.fcgi", "/app./x.fcgi", "C:\\site\\app.\\x.fcgi"},
    {"parent", "/app/../x.fcgi", "/app/../x.fcgi", "C:\\site\\app\\..\\x.fcgi"},
    {"backslash", "/app\\x.fcgi", "/app\\x.fcgi", "C:\\site\\app\\x.fcgi"},
};

static void paths(const WCHAR *dll, const char *mode)
{
    host_open(&host, dll, mode_of(mode));
    for (size_t i = 0; i < ARRAYSIZE(odd_paths); i++) {
        const struct request_plan plan = {.method = "GET", .query = "page=env", .path = &odd_paths[i], .keep_answer = true};
        LONG good = host.totals.answered[2], refused = host.totals.answered[4];
        char file[128] = "";
        host.answer_len = 0;
        host_begin(&host, &plan);
        wait_all();
        if (host.totals.answered[2] > good)
            fact("\nSCRIPT_FILENAME=", file, sizeof file);
        printf("path %s: 2xx %ld 4xx %ld file '%s'\n", odd_paths[i].what, host.totals.answered[2] - good,
               host.totals.answered[4] - refused, file);
    }
    host_close(&host);
}

/* ---- variables ---- */

static void rewritten(const WCHAR *dll, const char *mode)
{
    static const char *const variables[][2] = {
        {"IIS_WasUrlRewritten", "1"},
        {"UNENCODED_URL", "/nice/%C3%A4?a=b"},
        {"HTTP_URL", "/app/x.fcgi?page=env"},
        {"ALL_RAW", "Host: localhost\r\nX-Original-URL: /nice/%C3%A4?a=b\r\n"},
        {NULL, NULL},
    };
    const struct request_plan plan = {.method = "GET", .query = "page=env", .more = variables, .keep_answer = true};
    host_open(&host, dll, mode_of(mode));
    host_begin(&host, &plan);
    wait_all();
    fputs(host.answer, stdout);
    host_close(&host);
}

static struct ended last_ended;

static void keep_ended(struct host *of, const struct ended *ended)
{
    (void)of;
    last_ended = *ended;
}

static void lengths(const WCHAR *dll, const char *mode, const unsigned *sizes, unsigned count)
{
    host_open(&host, dll, mode_of(mode));
    host.on_end = keep_ended;
    for (unsigned i = 0; i < count; i++) {
        char *fields = malloc(sizes[i] + 1u);
        if (!fields || sizes[i] < 16)
            die("no header fields of %u bytes", sizes[i]);
        memset(fields, 'v', sizes[i]);
        memcpy(fields, "X-Long: ", 8);
        memcpy(fields + sizes[i] - 2, "\r\n", 3);
        const char *const variables[][2] = {{"ALL_RAW", fields}, {NULL, NULL}};
        const struct request_plan plan = {.method = "GET", .query = "page=env", .more = variables};
        host_begin(&host, &plan);
        wait_all();
        printf("length %u: status %u, %llu bytes sent\n", sizes[i], last_ended.status, (unsigned long long)last_ended.sent);
        free(fields);
    }
    host_close(&host);
}

/* ---- clients that vanish ---- */

static void run_vanishing(const struct request_plan *plan, unsigned count, LONG *silent, LONG *good)
{
    LONG silent_before = host.totals.answered[0], good_before = host.totals.answered[2];
    for (unsigned i = 0; i < count; i++)
        host_begin(&host, plan);
    wait_all();
    *silent = host.totals.answered[0] - silent_before;
    *good = host.totals.answered[2] - good_before;
}

static void vanish(const WCHAR *dll, const char *mode, unsigned count)
{
    enum { RUNNING = 4 };
    const struct request_plan body = {
        .method = "POST", .query = "page=echo", .body_len = 150000, .available = 100, .client = CLIENT_LEAVES_BODY};
    const struct request_plan answer = {
        .method = "GET", .query = "page=download&bytes=20000000&length=no", .client = CLIENT_LEAVES_ANSWER};
    const struct request_plan queue = {.method = "GET", .query = "page=env", .client = CLIENT_LEAVES_QUEUE};
    unsigned leave = count < 200 ? count / 2 : 100, process = 0, process_then = 0;
    LONG silent, good;
    host_open(&host, dll, mode_of(mode));
    unsigned served_before = ask_worker(&process);
    run_vanishing(&body, RUNNING, &silent, &good);
    printf("vanish %u: body silent %ld good %ld\n", count, silent, good);
    run_vanishing(&answer, RUNNING, &silent, &good);
    printf("vanish %u: answer silent %ld good %ld\n", count, silent, good);
    hold_worker();
    LONG ended = host.totals.ended, probes = host.totals.probes;
    for (unsigned i = 0; i < count; i++) /* those that go are everywhere in the queue */
        host_begin(&host, i * leave / count == (i + 1) * leave / count ? &get : &queue);
    if (!host_wait_ended(&host, ended + (LONG)leave, WAIT_MS))
        die("%ld of %u vanished clients have left the queue", host.totals.ended - ended, leave);
    printf("vanish %u: queue left %ld of %u after %ld probes, leaving %.0f ns\n", count, host.totals.ended - ended, leave,
           host.totals.probes - probes, median(host.leaving.ns, (size_t)host.leaving.count));
    good = host.totals.answered[2];
    host_resume(&host);
    wait_all();
    printf("vanish %u: then good %ld\n", count, host.totals.answered[2] - good);
    unsigned served = ask_worker(&process_then) - served_before - 1;
    printf("vanish %u: served %u of %u by %s worker\n", count, served, 2 * RUNNING + 1 + count - leave,
           process == process_then ? "the same" : "another");
    host_close(&host);
}

/* ---- cycles ---- */

/* Half of them unload while requests still run. */
static void cycle(const WCHAR *dll, unsigned number)
{
    enum { COUNT = 8 };
    char pipe[128];
    unsigned process;
    host_open(&host, dll, (enum completions)(number % 3));
    ask_worker(&process);
    fact("_FCGI_X_PIPE_=", pipe, sizeof pipe);
    for (unsigned k = 0; k < COUNT; k++)
        host_begin(&host, &get);
    if (number / 3 % 2)
        wait_all();
    if (!pipe_exists(pipe) || child_count() == 0)
        die("neither the pipe %s nor a worker is seen while they must be there", pipe);
    host_close(&host);
    if (pipe_exists(pipe))
        die("a pipe is left: %s", pipe);
    if (child_count())
        die("%u workers are left", child_count());
}

static void cycles(const WCHAR *dll, unsigned count)
{
    /* These load what stays. */
    enum { FIRST = 12, THREAD_WAIT_MS = 30000 };
    unsigned handles = 0, threads = 0;
    for (unsigned i = 0; i < count + FIRST; i++) {
        cycle(dll, i);
        unsigned handles_now = handle_count(), threads_now = thread_count();
        if (i < FIRST && handles_now > handles)
            handles = handles_now;
        if (i < FIRST && threads_now > threads)
            threads = threads_now;
    }
    unsigned threads_now = settled_thread_count(threads, THREAD_WAIT_MS);
    printf("cycles %u: handles %u to %u, threads %u to %u\n", count, handles, handle_count(), threads, threads_now);
}

int main(int argc, char **argv)
{
    WCHAR dll[MAX_PATH];
    unsigned numbers[MAX_SIZES];
    unsigned count = 0;
    if (argc < 4 || argc > 4 + MAX_SIZES)
        die("usage: ecb_driver DLL COMMAND ARGUMENT...; see the begin of main.c");
    MultiByteToWideChar(CP_ACP, 0, argv[1], -1, dll, ARRAYSIZE(dll));
    const char *command = argv[2];
    for (int i = 4; i < argc; i++)
        numbers[count++] = (unsigned)atoi(argv[i]);
    if (strcmp(command, "waiting") == 0)
        for (int i = 3; i < argc; i++)
            waiting(dll, (unsigned)atoi(argv[i]));
    else if (strcmp(command, "cost") == 0 && atoi(argv[3]) <= MAX_ROUNDS)
        cost(dll, (unsigned)atoi(argv[3]), numbers, count);
    else if (strcmp(command, "vanish") == 0)
        for (unsigned i = 0; i < count; i++)
            vanish(dll, argv[3], numbers[i]);
    else if (strcmp(command, "io") == 0 && count == 1)
        io(dll, argv[3], numbers[0]);
    else if (strcmp(command, "faults") == 0 && count == 1)
        faults(dll, argv[3], numbers[0]);
    else if (strcmp(command, "users") == 0 && count == 2)
        users(&host, dll, mode_of(argv[3]), numbers[0] != 0, numbers[1]);
    else if (strcmp(command, "token") == 0 && count == 1)
        token(&host, dll, mode_of(argv[3]), argv[4]);
    else if (strcmp(command, "look") == 0)
        look(&host, dll, mode_of(argv[3]));
    else if (strcmp(command, "foreign") == 0)
        foreign(&host, dll, mode_of(argv[3]));
    else if (strcmp(command, "full-log") == 0 && count == 1)
        full_log(&host, dll, mode_of(argv[3]), numbers[0]);
    else if (strcmp(command, "serve-pipe") == 0 && count == 1)
        foreign_serve(argv[3], argv[4]);
    else if (strcmp(command, "paths") == 0)
        paths(dll, argv[3]);
    else if (strcmp(command, "rewritten") == 0)
        rewritten(dll, argv[3]);
    else if (strcmp(command, "lengths") == 0)
        lengths(dll, argv[3], numbers, count);
    else if (strcmp(command, "cycles") == 0)
        cycles(dll, (unsigned)atoi(argv[3]));
    else if (strcmp(command, "rate") == 0)
        for (unsigned i = 0; i < count; i++)
            rate(&host, dll, atof(argv[3]), numbers[i]);
    else if (strcmp(command, "download") == 0 && count == 1)
        download(&host, dll, strtoull(argv[3], NULL, 10), numbers[0]);
    else if (strcmp(command, "breach") == 0)
        breach(argv[3]);
    else
        die("unknown: %s", command);
    puts("ecb_driver: no rule was broken");
    return 0;
}
