/* config_json: the configuration as JSON. Values are text, as fcgiext.ini has them.
 *
 * `all`: with the values of EnvironmentVars, which may be secrets. Without it they are null, and diagnostics that could quote one
 * (also where it stands by mistake: a line without its property, a property that does not exist) quote nothing. */
#ifndef MGMT_CONFIG_JSON_H
#define MGMT_CONFIG_JSON_H

#include "fcgiext/core/config.h"
#include "mgmt/json_writer.h"

/* Member "settings". */
void config_json_settings(struct json *json, const struct config_pool *pool, bool all);
/* Members "pools", "types", "diagnostics", "management". Only that pool, its mappings and diagnostics: an index; SIZE_MAX: all. */
void config_json(struct json *json, const struct config *config, size_t pool, bool all);
/* Member "diagnostics". */
void config_json_diagnostics(struct json *json, const struct config *config, bool all);

#endif
