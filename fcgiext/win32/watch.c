/* watch: see watch.h. */
#include "fcgiext/win32/watch.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

enum {
    QUIET_MS = 100,  /* a folder that is quiet for so long has come to rest */
    MAX_ROUNDS = 20, /* and one that does not is looked at after so many notifications */
    LOOK_MS = 3000,  /* between two looks at folders that the system does not watch */
};

struct stamp {
    bool exists;
    FILETIME created, written;
    DWORD size_high, size_low;
};

struct watch_file {
    WCHAR *path;
    void *subject;
    struct stamp stamp;
    bool changed; /* not yet reported */
};

static struct stamp look_at(const WCHAR *path)
{
    WIN32_FILE_ATTRIBUTE_DATA data;
    struct stamp stamp;
    ZeroMemory(&stamp, sizeof stamp);
    if (GetFileAttributesExW(path, GetFileExInfoStandard, &data)) {
        stamp.exists = true;
        stamp.created = data.ftCreationTime;
        stamp.written = data.ftLastWriteTime;
        stamp.size_high = data.nFileSizeHigh;
        stamp.size_low = data.nFileSizeLow;
    }
    return stamp;
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
    return a->exists == b->exists && CompareFileTime(&a->created, &b->created) == 0 &&
           CompareFileTime(&a->written, &b->written) == 0 && a->size_high == b->size_high && a->size_low == b->size_low;
}

/* ---- folders ---- */

/* Length of the folder's part of a path, with its backslash. */
static size_t folder_len(const WCHAR *path)
{
    const WCHAR *end = path + wcslen(path);
    while (end > path && end[-1] != L'\\' && end[-1] != L'/')
        end--;
    return (size_t)(end - path);
}

static bool is_watched(const struct watch *watch, const WCHAR *path)
{
    size_t len = folder_len(path);
    for (unsigned i = 1; i < watch->handle_count; i++)
        if (wcslen(watch->folders[i]) == len && _wcsnicmp(watch->folders[i], path, len) == 0)
            return true;
    return false;
}

static bool watch_folder(struct watch *watch, const WCHAR *path)
{
    size_t len = folder_len(path);
    WCHAR *folder = watch->handle_count <= WATCH_MAX_FOLDERS ? malloc((len + 1) * sizeof *folder) : NULL;
    if (!folder)
        return false;
    memcpy(folder, path, len * sizeof *folder);
    folder[len] = L'\0';
    DWORD what = FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_SIZE | FILE_NOTIFY_CHANGE_LAST_WRITE;
    HANDLE handle = FindFirstChangeNotificationW(folder, FALSE, what);
    if (handle == INVALID_HANDLE_VALUE) {
        free(folder);
        return false;
    }
    watch->folders[watch->handle_count] = folder;
    watch->handles[watch->handle_count++] = handle;
    return true;
}

static void watch_folders(struct watch *watch)
{
    watch->blind = false;
    for (unsigned i = 0; i < watch->file_count; i++)
        if (!is_watched(watch, watch->files[i].path) && !watch_folder(watch, watch->files[i].path))
            watch->blind = true;
}

static void forget_folder(struct watch *watch, unsigned index)
{
    FindCloseChangeNotification(watch->handles[index]);
    free(watch->folders[index]);
    watch->handle_count--;
    watch->handles[index] = watch->handles[watch->handle_count];
    watch->folders[index] = watch->folders[watch->handle_count];
}

/* Those in which none of the files is. */
static void forget_unused_folders(struct watch *watch)
{
    for (unsigned i = watch->handle_count - 1; i > 0; i--) {
        bool used = false;
        size_t len = wcslen(watch->folders[i]);
        for (unsigned k = 0; k < watch->file_count && !used; k++) {
            const WCHAR *path = watch->files[k].path;
            used = folder_len(path) == len && _wcsnicmp(watch->folders[i], path, len) == 0;
        }
        if (!used)
            forget_folder(watch, i);
    }
}

/* ---- files ---- */

static struct watch_file *find_file(const struct watch *watch, const struct watch_request *request)
{
    for (unsigned i = 0; i < watch->file_count; i++)
        if (watch->files[i].subject == request->subject && _wcsicmp(watch->files[i].path, request->path) == 0)
            return &watch->files[i];
    return NULL;
}

bool watch_files(struct watch *watch, struct watch_request *requests, unsigned count)
{
    struct watch_file *files = calloc(count + 1, sizeof *files);
    for (unsigned i = 0; i < count; i++) {
        const struct watch_file *old = find_file(watch, &requests[i]);
        if (!files) {
            free(requests[i].path);
            continue;
        }
        files[i].path = requests[i].path;
        files[i].subject = requests[i].subject;
        files[i].stamp = old ? old->stamp : look_at(requests[i].path);
        files[i].changed = old && old->changed;
    }
    if (!files)
        return false;
    for (unsigned i = 0; i < watch->file_count; i++)
        free(watch->files[i].path);
    free(watch->files);
    watch->files = files;
    watch->file_count = count;
    watch->look = true;
    return true;
}

/* A callback may put other files in place: each one is looked for anew. */
static void report_changes(struct watch *watch)
{
    for (unsigned i = 0; i < watch->file_count; i++) {
        struct stamp stamp = look_at(watch->files[i].path);
        if (!same_stamp(&stamp, &watch->files[i].stamp))
            watch->files[i].changed = true;
        watch->files[i].stamp = stamp;
    }
    for (unsigned i = 0; i < watch->file_count;) {
        if (!watch->files[i].changed) {
            i++;
            continue;
        }
        watch->files[i].changed = false;
        watch->changed(watch->context, watch->files[i].subject);
        i = 0;
    }
}

/* ---- thread ---- */

enum wait_result { WAIT_NOTHING, WAIT_WOKEN, WAIT_CHANGED };

static enum wait_result wait(struct watch *watch, DWORD wait_ms)
{
    DWORD result = WaitForMultipleObjects(watch->handle_count, watch->handles, FALSE, wait_ms);
    unsigned index = result - WAIT_OBJECT_0;
    if (index == 0)
        return WAIT_WOKEN;
    if (index >= watch->handle_count)
        return WAIT_NOTHING;
    if (!FindNextChangeNotification(watch->handles[index])) { /* the folder has gone */
        forget_folder(watch, index);
        watch->blind = true;
    }
    return WAIT_CHANGED;
}

static DWORD WINAPI run(void *context)
{
    struct watch *watch = context;
    while (!watch->stopping) {
        enum wait_result result = wait(watch, watch->look ? 0 : watch->blind ? LOOK_MS : INFINITE);
        if (result == WAIT_NOTHING) { /* there are new files, or folders that may be there now */
            forget_unused_folders(watch);
            watch_folders(watch);
            watch->look = false;
        }
        if (result != WAIT_WOKEN) {
            for (unsigned i = 0; result == WAIT_CHANGED && i < MAX_ROUNDS; i++)
                result = wait(watch, QUIET_MS);
            report_changes(watch);
        }
        if (result == WAIT_WOKEN && !watch->stopping)
            watch->woken(watch->context);
    }
    return 0;
}

DWORD watch_start(struct watch *watch)
{
    watch->wake = CreateEventW(NULL, FALSE, TRUE, NULL); /* set: watch_wake may have come before */
    if (!watch->wake)
        return GetLastError();
    watch->handles[0] = watch->wake;
    watch->handle_count = 1;
    watch->thread = CreateThread(NULL, 0, run, watch, 0, NULL);
    return watch->thread ? 0 : GetLastError();
}

void watch_wake(struct watch *watch)
{
    if (watch->wake)
        SetEvent(watch->wake);
}

void watch_stop(struct watch *watch)
{
    if (!watch->thread)
        return;
    InterlockedExchange(&watch->stopping, 1);
    SetEvent(watch->wake);
    WaitForSingleObject(watch->thread, INFINITE);
    CloseHandle(watch->thread);
    watch->thread = NULL;
}

void watch_free(struct watch *watch)
{
    while (watch->handle_count > 1)
        forget_folder(watch, watch->handle_count - 1);
    if (watch->wake)
        CloseHandle(watch->wake);
    for (unsigned i = 0; i < watch->file_count; i++)
        free(watch->files[i].path);
    free(watch->files);
    ZeroMemory(watch, sizeof *watch);
}
