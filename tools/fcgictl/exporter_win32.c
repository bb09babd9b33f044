/* exporter_win32: see exporter_win32.h. A service that cannot start tells the system's error, and the system writes it to its event log. */
#include "tools/fcgictl/exporter_win32.h"

#include <winsock2.h>

#include <windows.h>

#include <stdio.h>

#include "tools/fcgictl/exporter_poll_win32.h"
#include "tools/fcgictl/exporter_server_win32.h"
#include "tools/fcgictl/text_win32.h"

enum { START_MS = 10000, STOP_MS = 10000 };

static uint32_t start(void *context, const struct exporter_settings *settings, unsigned *port, char *why, size_t why_size)
{
    (void)context;
    uint32_t error = exporter_poll_start();
    if (error) {
        text_win32_error(error, why, why_size);
        return error;
    }
    error = exporter_server_start(settings, port, why, why_size);
    if (error)
        exporter_poll_stop();
    return error;
}

static void stop(void *context)
{
    (void)context;
    exporter_poll_stop();
    exporter_server_stop();
}

/* ---- as a service */

static struct {
    const struct exporter_settings *settings;
    SERVICE_STATUS_HANDLE handle;
    HANDLE stop;
    DWORD error;
} service;

/* One of its own process: the name is not looked at. */
static WCHAR service_name[] = L"fcgiext-exporter";

static void tell(DWORD state, DWORD wait_ms)
{
    SERVICE_STATUS status = {
        .dwServiceType = SERVICE_WIN32_OWN_PROCESS,
        .dwCurrentState = state,
        .dwControlsAccepted = state == SERVICE_RUNNING ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN : 0,
        .dwWin32ExitCode = service.error,
        .dwCheckPoint = wait_ms > 0,
        .dwWaitHint = wait_ms,
    };
    SetServiceStatus(service.handle, &status);
}

static DWORD WINAPI on_control(DWORD control, DWORD type, void *data, void *context)
{
    (void)type;
    (void)data;
    (void)context;
    switch (control) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_SHUTDOWN:
        tell(SERVICE_STOP_PENDING, STOP_MS);
        SetEvent(service.stop);
        return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE: return NO_ERROR;
    default: return ERROR_CALL_NOT_IMPLEMENTED;
    }
}

static void WINAPI run_service(DWORD count, WCHAR **arguments)
{
    char why[256];
    unsigned port = 0;
    (void)count;
    (void)arguments;
    service.handle = RegisterServiceCtrlHandlerExW(service_name, on_control, NULL);
    if (!service.handle)
        return;
    tell(SERVICE_START_PENDING, START_MS);
    service.error = start(NULL, service.settings, &port, why, sizeof why);
    if (!service.error) {
        tell(SERVICE_RUNNING, 0);
        WaitForSingleObject(service.stop, INFINITE);
        stop(NULL);
    }
    tell(SERVICE_STOPPED, 0);
}

static uint32_t serve(void *context, const struct exporter_settings *settings, bool *not_a_service, char *why, size_t why_size)
{
    SERVICE_TABLE_ENTRYW table[] = {{service_name, run_service}, {NULL, NULL}};
    DWORD error = 0;
    (void)context;
    service.settings = settings;
    service.stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!service.stop || !StartServiceCtrlDispatcherW(table))
        error = GetLastError();
    *not_a_service = error == ERROR_FAILED_SERVICE_CONTROLLER_CONNECT;
    error = error ? error : service.error;
    if (error)
        text_win32_error(error, why, why_size);
    return error;
}

void exporter_win32_init(struct fcgictl_exporter *exporter)
{
    *exporter = (struct fcgictl_exporter){.start = start, .stop = stop, .serve = serve};
}
