/* config_check: see config_check.h. A thin cover over core/config: the parser and its wording are those of the DLL. */
#include "mgmt/config_check.h"

#include "fcgiext/core/config.h"

bool mgmt_config_check(const char *text, size_t len, void (*take)(void *context, const struct mgmt_config_finding *finding),
                       void *context)
{
    struct config *config = config_parse(bytes_of(text, len), NULL);
    if (!config)
        return false;
    for (size_t i = 0; i < config->diagnostic_count; i++) {
        const struct config_diagnostic *diagnostic = &config->diagnostics[i];
        struct mgmt_config_finding finding = {diagnostic->severity == CONFIG_ERROR, diagnostic->line, diagnostic->section,
                                              diagnostic->property, diagnostic->message};
        take(context, &finding);
    }
    config_destroy(config);
    return true;
}
