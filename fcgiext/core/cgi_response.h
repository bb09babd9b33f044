/* cgi_response: the header block of a CGI reply -> status, headers for the host, and how the body is framed.
 *
 * The reply's stdout is fed as it comes; until the blank line it is collected (at most CGI_RESPONSE_MAX_HEADER_LEN bytes),
 * behind it everything is body and not touched. How the bytes were cut never shows. Rules (RFC 3875 section 6, reference.md
 * section 3):
 *   lines      LF ends a line; CRs before it do not count ("\r\r\n" comes from programs whose run-time writes CR LF for
 *              LF). A line that begins with a space or tab continues the one before; they are joined by one space
 *   invalid    a line without a colon, a name that is no token (RFC 9110), a control character in the value, a bad Status,
 *              Location or Content-Length: left out silently and counted; the other lines stand
 *   Status     three digits, 200 to 999, then nothing or a space and the reason (without one: the standard one). The last one
 *              counts. "HTTP/1.1 404 Not Found" as the first line is the same. 1xx is invalid: nobody could end such an answer
 *   Location   alone gives 302
 *   hop-by-hop Connection, Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade: left out; framing is ours
 *   Content-Length twice with different numbers: no Content-Length at all
 * All other lines go to the host in their order, several of one name (Set-Cookie) too. */
#ifndef FCGIEXT_CORE_CGI_RESPONSE_H
#define FCGIEXT_CORE_CGI_RESPONSE_H

#include "fcgiext/core/buffer.h"

enum { CGI_RESPONSE_MAX_HEADER_LEN = 256 * 1024 }; /* 64 KiB of headers pass; 16 MiB of them are an error */

enum cgi_response_result {
    CGI_RESPONSE_MORE,     /* no blank line yet; all of `in` is taken */
    CGI_RESPONSE_DONE,     /* the header block is complete; what is left of `in` is body */
    CGI_RESPONSE_TOO_LONG, /* above CGI_RESPONSE_MAX_HEADER_LEN or out of memory; the memory has been given back */
};

struct cgi_response {
    struct buffer raw;         /* the header block as it came */
    bool done;                 /* what follows holds from then on */
    unsigned status;           /* 200 to 999; 200 unless the application says otherwise */
    struct buffer status_line; /* "404 Not Found", as ISAPI's pszStatus wants it; a NUL is its last byte */
    struct buffer headers;     /* valid lines, each "Name: value\r\n", without Status, Content-Length and what is hop-by-hop; no
                                  * blank line at the end, not NUL-terminated */
    unsigned header_count;     /* valid lines of any kind. 0 with CGI_RESPONSE_DONE: a blank line, but no header before it: the
                                  * program does not speak CGI; an error page is the answer */
    bool has_content_length;
    uint64_t content_length;     /* the application's own */
    struct bytes local_redirect; /* Location: /path and no other line (no Status either): a slice of `raw`; else empty. A caller
                                  * that cannot redirect locally sends the 302 that is there as well */
    unsigned dropped_lines;      /* invalid header lines that were left out, for the log */
    /* private */
    bool in_line; /* the line being read has something else than CRs */
    bool failed;
    bool has_status;
    bool has_location;
    bool lengths_differ;
};

void cgi_response_init(struct cgi_response *response);
void cgi_response_deinit(struct cgi_response *response);

/* Takes stdout bytes until the header block is complete; CGI_RESPONSE_TOO_LONG and CGI_RESPONSE_DONE come again each time. */
enum cgi_response_result cgi_response_feed(struct cgi_response *response, struct bytes *in);

/* The reply ended. Without a complete header block: true when what came is usable all the same (headers without a
 * blank line: they count, the body is empty), false when there was nothing at all or no valid header (an error page; or an
 * empty 200: `status` and `status_line` say that, `headers` is empty). Feed nothing afterwards. */
bool cgi_response_end(struct cgi_response *response);

enum cgi_framing {
    CGI_FRAMING_NONE,    /* no body may be sent: HEAD, 1xx, 204, 304. What the application sends as body is for nobody */
    CGI_FRAMING_LENGTH,  /* Content-Length: the application's, or that of the whole buffered body */
    CGI_FRAMING_CHUNKED, /* HTTP/1.1 exactly */
    CGI_FRAMING_CLOSE,   /* HTTP/1.0: the end of the connection is the end of the body */
    CGI_FRAMING_BARE,    /* HTTP/2 and later: the host frames; no header of ours */
};

struct cgi_framing_facts {
    bool head;             /* the method is HEAD */
    struct bytes protocol; /* SERVER_PROTOCOL, "HTTP/1.1" */
    bool whole;            /* the reply is complete and buffered */
    uint64_t body_len;     /* bytes of body that there are: all (whole), or so far */
};

struct cgi_framing_choice {
    enum cgi_framing framing;
    uint64_t length; /* CGI_FRAMING_LENGTH; for NONE: of the Content-Length to announce, if has_length */
    bool has_length;
    bool keep_alive; /* the client's connection can stay open after this framing; the caller may take it back */
};

/* An application's Content-Length that is wrong must not let the client take one answer's bytes for another's:
 *   whole     the real length is sent, whatever was announced
 *   streamed  what was announced is sent, unless more has come already (then as if nothing was announced). The caller
 *             sends no byte above `length`, and closes the connection when fewer have come
 *   HEAD      what was announced is passed on; without it the length of the body that the program has sent all the same, if
 *             it is whole and not empty
 *   204, 304, 1xx: no Content-Length */
struct cgi_framing_choice cgi_response_choose_framing(const struct cgi_response *response,
                                                      const struct cgi_framing_facts *facts);

/* Appends the header lines for the host: the application's, then Content-Length / Transfer-Encoding / Connection: close as
 * chosen, then the blank line, then a NUL (ISAPI wants a string; the NUL is the last byte of the buffer).
 * false: out of memory. */
bool cgi_response_append_headers(const struct cgi_response *response, const struct cgi_framing_choice *choice,
                                 struct buffer *out);

/* Chunked framing: "1a2b\r\n" before `len` bytes, "\r\n" after them; for len 0 "0\r\n\r\n", which ends the body: not for an
 * empty piece in its middle. Returns the length; out has room for 20. */
size_t cgi_chunk_prefix(uint8_t *out, size_t len);

#endif
