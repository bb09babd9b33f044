/* value: looking into the replies of hosts, whatever they hold, and writing JSON that is safe for a terminal. */
#ifndef FCGICTL_VALUE_H
#define FCGICTL_VALUE_H

#include <cjson/cJSON.h>

#include "tools/fcgictl/text.h"

/* The member at a path of names: "workers.current". NULL: there is none, or it is null. */
const cJSON *value_at(const cJSON *item, const char *path);
/* What is missing or of another type: `otherwise`, "" and false. */
double value_number(const cJSON *item, const char *path, double otherwise);
const char *value_string(const cJSON *item, const char *path);
bool value_bool(const cJSON *item, const char *path);

/* Appends it in one line or, `pretty`, in many, without a line end. */
void value_add(struct text *text, const cJSON *item, bool pretty);
/* A scalar as a bare word: a string, a number without needless digits, true, false; "" for the rest. Not cleaned. */
void value_add_scalar(struct text *text, const cJSON *item);

#endif
