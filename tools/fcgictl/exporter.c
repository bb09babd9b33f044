/* exporter: see exporter.h. */
#include "tools/fcgictl/exporter.h"

#include "tools/fcgictl/exporter_address.h"

enum { WAIT_MS = 3600000 };

static bool take_settings(struct run *run, struct exporter_settings *settings)
{
    const char *listen = run->options.listen ? run->options.listen : EXPORTER_LISTEN;
    *settings = (struct exporter_settings){
        .allow_remote = run->options.given & OPTION_ALLOW_REMOTE,
        .names = run->options.names ? run->options.names : "",
        .service = run->options.given & OPTION_SERVICE,
    };
    if (!exporter_listen_parse(listen, &settings->ip, &settings->port)) {
        run_message(run, "--listen %s: not an address of this computer with a port", listen);
        run_hint(run, "127.0.0.1:9889, [::1]:9889, 0.0.0.0:9889");
        return false;
    }
    if (run->options.names && !exporter_names_are_valid(settings->names)) {
        run_message(run, "--allow-remote=%s: not names of computers", settings->names);
        run_hint(run, "--allow-remote=monitor.example,10.0.0.5:9889; at most %d", EXPORTER_MAX_NAMES);
        return false;
    }
    if (settings->allow_remote || exporter_ip_is_loopback(&settings->ip))
        return true;
    run_message(run, "--listen %s: other machines could read what is served there, without a password", listen);
    run_hint(run, "--allow-remote permits it");
    return false;
}

static void announce(struct run *run, const struct exporter_settings *settings, unsigned port)
{
    char address[64];
    exporter_ip_format(&settings->ip, address, sizeof address);
    if (settings->allow_remote)
        run_message(run, "warning: whoever reaches this computer can read what is served, without a password and in clear");
    text_addf(&run->out, "dashboard  http://%s:%u/", address, port);
    text_add(&run->out, "\n");
    text_addf(&run->out, "metrics    http://%s:%u/metrics", address, port);
    text_add(&run->out, "\nCtrl-C ends it\n");
    run_flush(run);
}

static int serve(struct run *run, const struct exporter_settings *settings)
{
    const struct fcgictl_exporter *exporter = run->environment->exporter;
    char why[256] = "";
    bool not_a_service = false;
    if (exporter->serve(exporter->context, settings, &not_a_service, why, sizeof why) == 0)
        return FCGICTL_DONE;
    run_message(run, not_a_service ? "the system has not started this as a service%s" : "%s", not_a_service ? "" : why);
    if (not_a_service)
        run_hint(run, "without --service it is a program that Ctrl-C ends; docs/exporter.md tells how to make a service of it");
    return FCGICTL_FAILED;
}

int exporter_run(struct run *run)
{
    const struct fcgictl_exporter *exporter = run->environment->exporter;
    const struct fcgictl_terminal *terminal = run->terminal;
    struct exporter_settings settings;
    unsigned port = 0;
    char why[256] = "";
    if (!take_settings(run, &settings))
        return FCGICTL_USAGE;
    if (settings.service)
        return serve(run, &settings);
    terminal->catch_interrupt(terminal->context);
    if (exporter->start(exporter->context, &settings, &port, why, sizeof why) != 0) {
        run_message(run, "%s", why);
        run_hint(run, "--listen ADDRESS:PORT chooses another one");
        return FCGICTL_FAILED;
    }
    announce(run, &settings, port);
    while (terminal->wait(terminal->context, WAIT_MS))
        ;
    exporter->stop(exporter->context);
    return FCGICTL_DONE;
}
