/* HSE_REQ_EXEC_URL: another URL, or the same one without the wildcard map, answers the request. */
#ifndef ISAPIHOST_EXEC_URL_WIN32_H
#define ISAPIHOST_EXEC_URL_WIN32_H

#include "tools/isapihost/request_win32.h"

/* Performs the operation; the response has been sent when it returns. */
DWORD exec_url_run(struct host_request *request, const struct io_op *op);

#endif
