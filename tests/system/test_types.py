"""[Types] by request: two sites and two applications, each level of the search, and every way to write an entry."""

import itertools
import urllib.parse

import pages
import support
import witness

SITES = (3, 123154536)
APPS = ("/app", "/other")
SITE, APP = SITES[0], APPS[0]
LEVELS = [f"one:/lm/w3svc/{SITE}/root{APP}", f"*:/lm/w3svc/{SITE}/root{APP}", f"one:{SITE}", f"*:{SITE}", "one", "*"]


def pool(name):
    return {"ExePath": support.RESPONDER, "MaxInstances": 1, "EnvironmentVars": f"POOL:{name}"}


class TypesTest(pages.Page):
    def start_host(self, types, **pools):
        """One with both sites and, in each, both applications."""
        sites = [(number, support.SITE) for number in SITES]
        options = [word for app in APPS for word in ("--app", app)]
        self.host = self.servers.host(support.ini(types, **pools), *options, sites=sites, maps=".one,.two,.stage")
        return self.host

    def ask(self, site, path):
        return support.http_request(self.host, f"{path}?page=process", site=SITES.index(site))

    def pool_of(self, site, path):
        """The pool that answers; None: no entry matches."""
        answer = self.ask(site, path)
        if answer.status == 500:
            self.check(answer, 500, "no_mapping")
            return None
        self.assertEqual(answer.status, 200, answer)
        return answer.variables()["POOL"]


class Levels(TypesTest):
    def expected(self, present, site, app, extension):
        at_app, at_site, one = site == SITE and app == APP, site == SITE, extension == "one"
        matches = [at_app and one, at_app, at_site and one, at_site, one, True]
        return next((f"level{i}" for i in present if matches[i]), None)

    def test_each_level_decides_when_the_more_specific_ones_are_missing(self):
        """Each stage has one level fewer than the one before, the last has none. `stage` is an extension of its own, which tells
        that the new file is in force."""
        everything = list(itertools.product(SITES, APPS, ("one", "two")))
        for stage in range(len(LEVELS) + 1):
            present = range(stage, len(LEVELS))
            types = {LEVELS[i]: f"level{i}" for i in reversed(present)}
            pools = {f"level{i}": pool(f"level{i}") for i in present}
            types.update({f"stage:/LM/W3SVC/{SITE}/ROOT{APP}": f"stage{stage}"})
            pools[f"stage{stage}"] = pool(f"stage{stage}")
            if stage == 0:
                self.start_host(types, **pools)
            else:
                self.host.write_ini(support.ini(types, **pools))
            witness.wait_until(lambda: self.ask(SITE, APP + "/x.stage").variables().get("POOL") == f"stage{stage}", f"stage {stage}")
            for site, app, extension in everything:
                with self.subTest(stage=stage, site=site, app=app, extension=extension):
                    self.assertEqual(self.pool_of(site, f"{app}/x.{extension}"), self.expected(present, site, app, extension))

    def test_no_match_names_the_extension_and_the_site(self):
        self.start_host({f"one:{SITE}": "first"}, first=pool("first"))
        answer = self.ask(SITES[1], "/app/x.two")
        text = " ".join(self.check(answer, 500, "no_mapping").values())
        for word in (".two", str(SITES[1]), "1413", "0x00000585"):
            self.assertIn(word, text)


class Entries(TypesTest):
    def test_two_sites_and_two_applications_have_a_pool_each(self):
        names = {(site, app): f"pool{i}" for i, (site, app) in enumerate(itertools.product(SITES, APPS))}
        self.start_host({f"one:/LM/W3SVC/{site}/ROOT{app}": name for (site, app), name in names.items()},
                        **{name: pool(name) for name in names.values()})
        for (site, app), name in names.items():
            self.assertEqual(self.pool_of(site, app + "/x.one"), name)
            self.assertEqual(self.pool_of(site, app.upper() + "/deeper/X.ONE"), name)
            self.assertIsNone(self.pool_of(site, "/x.one"), "the root is another application")
            self.assertIsNone(self.pool_of(site, app + "le/x.one"), "a folder whose name only begins so")

    def test_an_application_is_written_with_or_without_lm_in_any_case_and_with_a_slash_behind(self):
        site, other = SITES
        self.start_host({f"one:/w3svc/{site}/ROOT/app": "a", f"one:/lm/W3svc/{site}/rooT/Other/": "b",
                         f"one:/LM/w3svc/{other}/root": "c", f"one:/W3SVC/{other}/Root/APP": "d"},
                        a=pool("a"), b=pool("b"), c=pool("c"), d=pool("d"))
        expected = {(site, "/app/x.one"): "a", (site, "/other/x.one"): "b", (site, "/x.one"): None,
                    (other, "/x.one"): "c", (other, "/app/x.one"): "d", (other, "/other/x.one"): None}
        self.assertEqual({place: self.pool_of(*place) for place in expected}, expected)

    def test_names_beyond_ascii_and_beyond_the_code_page(self):
        apps = ("/größe", "/日本")
        types = {f"one:/LM/W3SVC/{SITE}/ROOT{app}": f"app{i}" for i, app in enumerate(apps)}
        whole = {"Utf8ServerVariables": "SCRIPT_NAME,PATH_INFO,PATH_TRANSLATED,URL"}  # or the script would be refused
        self.host = self.servers.host(support.ini({**types, "ärger": "extension"}, app0=pool("app0"), app1={**pool("app1"), **whole},
                                                  extension=pool("extension")),
                                      *[word for app in apps for word in ("--app", app)], "--site-id", str(SITE), "--map", "*")
        for i, app in enumerate(apps):
            answer = support.http_request(self.host, urllib.parse.quote(f"{app}/x.one") + "?page=process")
            self.assertEqual(answer.variables()["POOL"], f"app{i}")
        answer = support.http_request(self.host, urllib.parse.quote("/app/x.ärger") + "?page=process")
        self.assertEqual(answer.variables()["POOL"], "extension")

    def test_an_extension_that_is_too_long_for_any_entry_is_in_none(self):
        long = "o" * 200
        self.host = self.servers.host(support.ini({long: "long", "*": "all"}, long=pool("long"), all=pool("all")), "--map", "*")
        for extension, name in ((long, "long"), (long + "o", "all")):
            answer = support.http_request(self.host, f"/app/x.{extension}?page=process")
            self.assertEqual(answer.variables()["POOL"], name)

    def test_a_path_in_place_of_a_section(self):
        program = support.windows_path(support.RESPONDER)
        self.start_host({"one": program, f"*:{SITES[1]}": f'"{program}"', "two": "named"}, named=pool("named"))
        for site, path in ((SITE, "/app/x.one"), (SITES[1], "/x.stage")):
            answer = self.ask(site, path)
            self.assertEqual(answer.status, 200, answer)
            self.assertIn("PHP_FCGI_MAX_REQUESTS=1001", answer.text)  # all defaults: InstanceMaxRequests is 1000
            self.assertNotIn("POOL=", answer.text)
        self.assertEqual(self.pool_of(SITE, "/x.two"), "named")

    def test_a_section_whose_name_is_the_program_needs_no_exepath(self):
        program = support.windows_path(support.RESPONDER)
        self.start_host({"one": program}, **{program: {"MaxInstances": 1, "EnvironmentVars": "POOL:by path"}})
        self.assertEqual(self.pool_of(SITE, "/app/x.one"), "by path")

    def test_several_mappings_share_a_section_and_its_processes(self):
        self.start_host({f"one:{SITES[0]}": "shared", f"two:{SITES[1]}": "Shared"}, shared=pool("shared"))
        workers = {self.ask(*place).headers["X-Worker-Pid"] for place in ((SITES[0], "/x.one"), (SITES[1], "/x.two"))}
        self.assertEqual(len(workers), 1)

    def test_of_two_equal_mappings_the_last_counts_and_a_comment_behind_a_value_is_none_of_it(self):
        self.start_host({f"one:/LM/W3SVC/{SITE}/ROOT/app": "first", f"one:/w3svc/{SITE}/rooT/APP": "second ; the new one"},
                        first=pool("first"), second=pool("second"))
        self.assertEqual(self.pool_of(SITE, "/app/x.one"), "second")

    def test_an_entry_without_its_section_breaks_no_other_one(self):
        self.start_host({"one": "nowhere", "two": "there"}, there=pool("there"))
        self.check(self.ask(SITE, "/app/x.one"), 500, "config_invalid")
        self.assertEqual(self.pool_of(SITE, "/app/x.two"), "there")
