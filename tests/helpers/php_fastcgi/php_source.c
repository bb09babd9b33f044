/* php's own main/fastcgi.c, which tools/setup.sh fetches; compiled without warnings, as it is not ours. */
#include <fastcgi.c>

int php_request_keep(const struct _fcgi_request *request)
{
    return request->keep;
}
