/* The ServerSupportFunctions that move bytes or map paths; the table in ecb_win32.c calls them. */
#ifndef ISAPIHOST_ECB_IO_WIN32_H
#define ISAPIHOST_ECB_IO_WIN32_H

#include "tools/isapihost/request_win32.h"

/* Each returns TRUE, or FALSE with the last error set. */
BOOL ecb_send_redirect(struct host_request *request, void *buffer, DWORD *size, DWORD *type);
BOOL ecb_send_header(struct host_request *request, void *buffer, DWORD *size, DWORD *type);
BOOL ecb_send_header_ex(struct host_request *request, void *buffer, DWORD *size, DWORD *type);
BOOL ecb_send_custom_error(struct host_request *request, void *buffer, DWORD *size, DWORD *type);
BOOL ecb_vector_send(struct host_request *request, void *buffer, DWORD *size, DWORD *type);
BOOL ecb_transmit_file(struct host_request *request, void *buffer, DWORD *size, DWORD *type);
BOOL ecb_async_read(struct host_request *request, void *buffer, DWORD *size, DWORD *type);
BOOL ecb_exec_url(struct host_request *request, void *buffer, DWORD *size, DWORD *type);
BOOL ecb_exec_url_unicode(struct host_request *request, void *buffer, DWORD *size, DWORD *type);

BOOL ecb_map_url(struct host_request *request, void *buffer, DWORD *size, DWORD *type);
BOOL ecb_map_url_ex(struct host_request *request, void *buffer, DWORD *size, DWORD *type);
BOOL ecb_map_url_unicode(struct host_request *request, void *buffer, DWORD *size, DWORD *type);
BOOL ecb_map_url_unicode_ex(struct host_request *request, void *buffer, DWORD *size, DWORD *type);

#endif
