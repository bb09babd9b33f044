/* script_path: which part of a request's paths is the script, and whether they are safe.
 *
 * Invariant: nothing is guessed. A path that cannot be taken apart with certainty gives an empty slice, never a file
 * of which it is not sure that it is the script: an answer "no such file" is a nuisance, the wrong file run by a program
 * is a hole. Names are judged by bytes, in whatever code page the host speaks: only ASCII is looked at, and a
 * backslash behind a byte above 0x7f may be the second half of a character (Japanese, Chinese), so it is no proof of
 * a trick, but is still a separator where being wrong only makes us stricter. */
#include "fcgiext/core/script_path.h"

#include "fcgiext/core/text.h"

static bool ends_with_separator(struct bytes path)
{
    return path.len > 0 && script_path_is_separator(path.ptr[path.len - 1]);
}

static struct bytes without_end_separators(struct bytes path)
{
    while (ends_with_separator(path))
        path.len--;
    return path;
}

static struct bytes last_name(struct bytes path)
{
    path = without_end_separators(path);
    size_t start = path.len;
    while (start > 0 && !script_path_is_separator(path.ptr[start - 1]))
        start--;
    return bytes_of(path.len > 0 ? path.ptr + start : NULL, path.len - start);
}

/* Takes the next name between separators off the front; false: none is left. */
static bool next_name(struct bytes *path, struct bytes *name)
{
    while (path->len > 0 && script_path_is_separator(path->ptr[0]))
        bytes_advance(path, 1);
    size_t len = 0;
    while (len < path->len && !script_path_is_separator(path->ptr[len]))
        len++;
    if (len == 0)
        return false;
    *name = bytes_of(path->ptr, len);
    bytes_advance(path, len);
    return true;
}

size_t script_path_name_count(struct bytes path)
{
    size_t count = 0;
    struct bytes name;
    while (next_name(&path, &name))
        count++;
    return count;
}

struct bytes script_path_parent(struct bytes path)
{
    path = without_end_separators(path);
    path.len -= last_name(path).len;
    return without_end_separators(path);
}

struct bytes script_path_extra(struct bytes script_name, struct bytes path_info, bool path_info_is_extra, bool *stripped)
{
    *stripped = false;
    if (path_info_is_extra || script_name.len == 0 || !bytes_start_with_nocase(path_info, script_name))
        return path_info;
    struct bytes extra = path_info;
    bytes_advance(&extra, script_name.len);
    if (extra.len > 0 && extra.ptr[0] != '/')
        return path_info; /* "/a.phpx" does not begin with the script "/a.php" */
    *stripped = true;
    return extra;
}

struct bytes script_path_without_extra(struct bytes path_translated, struct bytes script_name, struct bytes extra)
{
    const struct bytes none = {NULL, 0};
    struct bytes file = path_translated;
    /* Counted, not compared: the host has joined separators and may have given the two in different encodings. */
    for (size_t count = script_path_name_count(extra); count > 0 && file.len > 0; count--)
        file = script_path_parent(file);
    file = without_end_separators(file);
    struct bytes name = last_name(script_name);
    return name.len > 0 && bytes_equal_nocase(last_name(file), name) ? file : none;
}

struct bytes script_path_below_app(struct bytes script_name, struct bytes appl_md_path)
{
    const struct bytes none = {NULL, 0};
    const struct bytes root = bytes_of_str("/ROOT");
    struct bytes app = appl_md_path;
    while (app.len > 0 && !bytes_start_with_nocase(app, root))
        bytes_advance(&app, 1);
    if (app.len > 0)
        bytes_advance(&app, root.len);
    app = without_end_separators(app);
    if (script_name.len == 0 || !bytes_start_with_nocase(script_name, app))
        return none;
    bytes_advance(&script_name, app.len);
    return script_name.len > 0 && script_name.ptr[0] == '/' ? script_name : none;
}

struct bytes script_path_document_root(struct bytes folder)
{
    struct bytes root = without_end_separators(folder);
    bool drive = root.len == 2 && root.ptr[1] == ':';
    if (root.len < folder.len && (root.len == 0 || drive))
        root.len++;
    return root;
}

bool script_path_is_clean(struct bytes path)
{
    const struct bytes up = bytes_of_str("..");
    if (text_has_control(path))
        return false;
    struct bytes name;
    while (next_name(&path, &name))
        if (bytes_equal(name, up))
            return false;
    return true;
}

/* The name up to its first dot is a device to Windows, whatever follows the dot. */
static bool is_device(struct bytes name)
{
    static const char *const devices[] = {"con", "prn", "aux", "nul", "conin$", "conout$"};
    const uint8_t *dot = memchr(name.ptr, '.', name.len);
    if (dot)
        name.len = (size_t)(dot - name.ptr);
    while (name.len > 0 && name.ptr[name.len - 1] == ' ')
        name.len--;
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++)
        if (bytes_equal_nocase(name, bytes_of_str(devices[i])))
            return true;
    bool port = bytes_start_with_nocase(name, bytes_of_str("com")) || bytes_start_with_nocase(name, bytes_of_str("lpt"));
    return port && name.len == 4 && name.ptr[3] >= '0' && name.ptr[3] <= '9';
}

/* At most: in other code pages than UTF-8 some of these bytes are characters, too. */
static size_t character_count(const uint8_t *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += (text[i] & 0xc0) != 0x80;
    return count;
}

/* An alias of the 8.3 kind: at most eight characters that end in ~ and digits, and an extension of at most three. */
static bool is_short_alias(struct bytes name)
{
    const uint8_t *dot = memchr(name.ptr, '.', name.len);
    size_t base_len = dot ? (size_t)(dot - name.ptr) : name.len;
    size_t extension_len = dot ? name.len - base_len - 1 : 0;
    if (character_count(name.ptr, base_len) > 8 || (dot && character_count(dot + 1, extension_len) > 3))
        return false;
    size_t digits = 0;
    while (digits < base_len && name.ptr[base_len - 1 - digits] >= '0' && name.ptr[base_len - 1 - digits] <= '9')
        digits++;
    return digits > 0 && base_len > digits + 1 && name.ptr[base_len - 1 - digits] == '~';
}

static bool name_is_plain(struct bytes name)
{
    uint8_t last = name.ptr[name.len - 1];
    if (last == '.' || last == ' ')
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (memchr(":*?\"<>", name.ptr[i], 6))
            return false;
    return !is_device(name) && !is_short_alias(name);
}

bool script_path_is_plain(struct bytes script_name)
{
    for (size_t i = 0; i < script_name.len; i++)
        if (script_name.ptr[i] == '\\' && (i == 0 || script_name.ptr[i - 1] < 0x80))
            return false;
    struct bytes name;
    while (next_name(&script_name, &name))
        if (!name_is_plain(name))
            return false;
    return true;
}

bool script_path_file_is_plain(struct bytes file)
{
    for (size_t i = 0; i < file.len; i++)
        if (file.ptr[i] == ':' && i != 1)
            return false;
    return true;
}

/* What sites let their visitors upload. No file that is meant to be a program, and nothing that folders are called after
 * (a folder "three.js" or "example.com" is common). */
static bool is_media(struct bytes name)
{
    static const char *const extensions[] = {
        "jpg",  "jpeg", "jpe",  "jfif", "pjpeg", "png", "apng", "gif", "bmp", "webp", "avif", "heic", "heif", "ico",
        "tif",  "tiff", "svg",  "svgz", "psd",   "eps", "mp3",  "mp4", "m4a", "m4v",  "webm", "ogg",  "oga",  "ogv",
        "opus", "aac",  "flac", "mid",  "wav",   "wma", "wmv",  "avi", "mkv", "flv",  "3gp",  "mov",  "mpg",  "mpeg",
        "pdf",  "doc",  "docx", "xls",  "xlsx",  "ppt", "pptx", "odt", "ods", "odp",  "rtf",  "txt",  "csv",  "tsv",
        "log",  "bak",  "tmp",  "zip",  "rar",   "7z",  "gz",   "tgz", "bz2", "xz",   "tar",  "cab",
    };
    size_t dot = name.len;
    while (dot > 0 && name.ptr[dot - 1] != '.')
        dot--;
    if (dot <= 1)
        return false; /* no dot, or nothing before it */
    struct bytes extension = bytes_of(name.ptr + dot, name.len - dot);
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++)
        if (bytes_equal_nocase(extension, bytes_of_str(extensions[i])))
            return true;
    return false;
}

bool script_path_is_below_media(struct bytes script_name)
{
    struct bytes name;
    while (next_name(&script_name, &name))
        if (script_name.len > 0 && is_media(name)) /* a separator follows the name */
            return true;
    return false;
}
