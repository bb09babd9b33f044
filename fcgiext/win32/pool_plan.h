/* pool_plan: what a pool's configuration means to the system: command line, directory, environment, addresses, limits. */
#ifndef FCGIEXT_WIN32_POOL_PLAN_H
#define FCGIEXT_WIN32_POOL_PLAN_H

#include <winsock2.h>

#include <windows.h>

#include "fcgiext/core/config.h"
#include "fcgiext/core/pool.h"
#include "fcgiext/win32/process.h"

/* 0 or a Win32 error; the plan is to be freed in either case. */
DWORD pool_plan_make(struct process_plan *plan, const struct config_pool *config);
void pool_plan_free(struct process_plan *plan);

/* What the pool runs, or where its servers are: "10.0.0.1:9000, 10.0.0.2:9000"; in `text`, or a string of `config`. */
struct bytes pool_program_of(const struct config_pool *config, struct buffer *text);

struct pool_limits pool_limits_of(const struct config_pool *config);

/* May block for a name that is not an address. */
DWORD tcp_resolve(const struct config_address *address, struct sockaddr_storage *out, int *out_len);

#endif
