/* php_network.h: php's main/fastcgi.c includes a header of this name; all is in php.h. */
#ifndef TESTS_HELPERS_PHP_NETWORK_H
#define TESTS_HELPERS_PHP_NETWORK_H

#include "php.h"

#endif
