"""The protocol part of the system tests on other hosts than the usual one, which is IIS 6 with completions on threads.

A host is named by the version of IIS, whose ECB it has (5.1: no VECTOR_SEND; 7: can cancel a read, replaces the bodies of errors), by when
its completions come, and by whether it refuses asynchronous reads. The last one is as mod_isapi is. Not every class runs on every host:
those about answers not on hosts that differ only in how a body is read, as test_framing has them for each version; each runs with each
value of each option that matters to it."""

import pages
import support
import test_bodies
import test_early_answers
import test_failures
import test_framing
import test_kept_connection
import test_long_bodies
import test_misbehaviour
import test_spooling
import test_unload

HOSTS = {
    "iis_5_1_inline": ("--iis", "5.1", "--completions", "inline"),
    "iis_6_late": ("--iis", "6", "--completions", "late"),
    "iis_7_thread": ("--iis", "7", "--completions", "thread"),
    "iis_6_no_async_read": ("--iis", "6", "--completions", "thread", "--no-async-read"),
    "iis_5_1_inline_no_async_read": ("--iis", "5.1", "--completions", "inline", "--no-async-read"),
}
INLINE, LATE, SEVEN, SYNC, INLINE_SYNC = ALL = tuple(HOSTS)
FULL = (INLINE, LATE, SEVEN)
CLASSES = {
    test_bodies.Uploads: ALL,
    test_bodies.Downloads: FULL,
    test_bodies.Injection: (INLINE, LATE, SYNC),
    test_long_bodies.Bodies: (INLINE, LATE, SYNC),
    test_early_answers.Early: ALL,
    test_spooling.UnknownLength: ALL,
    test_spooling.Pausing: (INLINE_SYNC, SYNC),
    test_kept_connection.KeptConnection: (INLINE, LATE),
    test_failures.Programs: FULL,
    test_failures.Refusals: FULL,
    test_failures.ClientsThatLeave: (SEVEN, SYNC, INLINE_SYNC),
    test_misbehaviour.Upload: (LATE, SYNC),
    test_framing.Lengths: (INLINE, LATE),
    test_framing.Events: (INLINE, LATE, SEVEN),
    test_framing.Headers: (INLINE, LATE),
    test_unload.Unload: (SYNC,),
}
# To save time. A body must be longer than what the system keeps for a connection, or nobody would have to wait.
SHORTER = {
    test_kept_connection.KeptConnection: {"REQUESTS": 50},
    test_long_bodies.Bodies: {"LENGTH": 24 * 1024 * 1024, "STOP_AT": 1024 * 1024, "ACTIVITY_TIMEOUTS": (2, 3)},
}
# Cases that start hosts of their own kind, and are the same as in their own file.
SAME = {"Uploads.test_a_host_that_hands_over_no_body_with_the_request", "Early.test_a_client_that_waits_for_the_answer",
        "UnknownLength.test_row_30_on_other_hosts", "UnknownLength.test_row_30_expect_100_continue_and_an_error_at_once",
        "Pausing.test_an_answer_that_is_ready_does_not_wait_for_the_rest_of_the_body",
        "ClientsThatLeave.test_completions_inside_the_call", "ClientsThatLeave.test_late_completions",
        "Upload.test_row_25_however_completions_come", "Unload.test_unload_while_requests_run_and_completions_come_late",
        "Unload.test_unload_while_requests_run_and_completions_come_inside_the_call",
        "Unload.test_unload_does_not_wait_for_a_server_that_does_not_answer",
        "Unload.test_unload_before_the_first_request_and_twice",
        "Unload.test_unload_ends_all_processes_and_after_it_all_works_again"}
# Such a host waits for its client inside our call: nothing can be had from it before the client, or its own time, lets it go.
BLOCKED = {"UnknownLength.test_unloading_does_not_wait_for_clients_that_send_nothing"}


def on_host(base, host):
    """Defines the class for that host."""
    version = HOSTS[host][1]
    members = {"__module__": __name__, "host_options": HOSTS[host], "iis": version, "OTHER_VERSIONS": (), **SHORTER.get(base, {})}
    if base is test_long_bodies.Bodies:
        members["HOST_WAITS"] = host == INLINE  # see BLOCKED
    for case in SAME | (BLOCKED if host == INLINE else set()):
        class_name, _, method = case.partition(".")
        if class_name == base.__name__:
            assert hasattr(base, method), f"there is no case {case}"
            members[method] = None  # no case of this class
    bases = (base,) if issubclass(base, support.SystemTest) else (base, pages.Page)
    globals()[f"{base.__name__}_{host}"] = type(f"{base.__name__}_{host}", bases, members)


for _base, _hosts in CLASSES.items():
    for _host in _hosts:
        on_host(_base, _host)
del _base  # or it would be run once more
