"""What a program sees of its request and of its process: CGI variables, environment, handles, pipe, job, folder, command line."""

import re

import support
import witness

# reference.md, section 3
VARIABLES = """
    APPL_MD_PATH APPL_PHYSICAL_PATH AUTH_TYPE AUTH_PASSWORD AUTH_USER CERT_COOKIE CERT_FLAGS CERT_ISSUER CERT_SERIALNUMBER
    CERT_SUBJECT CONTENT_LENGTH CONTENT_TYPE GATEWAY_INTERFACE HTTPS HTTPS_KEYSIZE HTTPS_SECRETKEYSIZE HTTPS_SERVER_ISSUER
    HTTPS_SERVER_SUBJECT INSTANCE_ID INSTANCE_META_PATH LOCAL_ADDR LOGON_USER PATH_INFO PATH_TRANSLATED QUERY_STRING
    REMOTE_ADDR REMOTE_HOST REQUEST_METHOD SCRIPT_NAME SERVER_NAME SERVER_PORT SERVER_PORT_SECURE SERVER_PROTOCOL
    SERVER_SOFTWARE REMOTE_USER REMOTE_PORT URL REQUEST_URI DOCUMENT_ROOT SCRIPT_FILENAME""".split()
SITE = support.windows_path(support.SITE)


class Variables(support.SystemTest):
    @classmethod
    def start(cls, servers):
        cls.php = servers.php(children=1)
        cls.host = servers.host(support.ini({"fcgi": "echo", "php": "php"}, echo={"ExePath": support.RESPONDER},
                                            php={"Address": f"127.0.0.1:{cls.php.port}"}), "--site-id", "7")

    def get(self, path, headers=None, **options):
        answer = support.http_request(self.host, path, headers=headers, **options)
        self.assertEqual(answer.status, 200, answer)
        return answer

    def names(self, answer):
        return [line.partition("=")[0] for line in answer.text.splitlines()]

    def test_all_variables_come_in_their_order_and_then_the_headers(self):
        names = self.names(self.get("/app/env.fcgi?a=b", {"X-One": "1", "X-Two": "2"}))
        names.remove("FCGI_ROLE")  # libfcgi's own
        self.assertEqual(names[:len(VARIABLES)], VARIABLES)
        self.assertCountEqual(names[len(VARIABLES):], ["HTTP_HOST", "HTTP_ACCEPT_ENCODING", "HTTP_X_ONE", "HTTP_X_TWO"])

    def test_what_the_host_does_not_know_is_empty(self):
        variables = self.get("/app/env.fcgi").variables()
        for name in ("AUTH_TYPE", "AUTH_PASSWORD", "AUTH_USER", "CERT_COOKIE", "CERT_SUBJECT", "CONTENT_TYPE",
                     "HTTPS_KEYSIZE", "HTTPS_SERVER_ISSUER", "QUERY_STRING", "REMOTE_USER"):
            self.assertEqual(variables.get(name), "", name)

    def test_values_of_a_get(self):
        answer = self.get("/app/env.fcgi/more/info?a=b&c=%20d", {"Host": "sample.test"})
        variables = answer.variables()
        port = str(self.host.ports[0])
        expected = {
            "APPL_MD_PATH": "/LM/W3SVC/7/ROOT", "APPL_PHYSICAL_PATH": SITE + "\\", "CONTENT_LENGTH": "0",
            "DOCUMENT_ROOT": SITE, "GATEWAY_INTERFACE": "CGI/1.1", "HTTPS": "off", "INSTANCE_ID": "7",
            "INSTANCE_META_PATH": "/LM/W3SVC/7", "LOCAL_ADDR": "127.0.0.1", "PATH_INFO": "/app/env.fcgi/more/info",
            "PATH_TRANSLATED": SITE + "\\app\\env.fcgi\\more\\info", "QUERY_STRING": "a=b&c=%20d", "REMOTE_ADDR": "127.0.0.1",
            "REMOTE_HOST": "127.0.0.1", "REQUEST_METHOD": "GET", "REQUEST_URI": "/app/env.fcgi/more/info?a=b&c=%20d",
            "SCRIPT_FILENAME": SITE + "\\app\\env.fcgi", "SCRIPT_NAME": "/app/env.fcgi", "SERVER_NAME": "sample.test",
            "SERVER_PORT": port, "SERVER_PORT_SECURE": "0", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "sample.test"}
        self.assertEqual({name: variables.get(name) for name in expected}, expected)
        self.assertTrue(variables["SERVER_SOFTWARE"].startswith("Microsoft-IIS/"), variables["SERVER_SOFTWARE"])
        self.assertTrue(1 <= int(variables["REMOTE_PORT"]) <= 65535)

    def test_a_post_has_its_length_and_type(self):
        variables = self.get("/app/env.fcgi", {"Content-Type": "text/x-sample"}, body=b"12345").variables()
        self.assertEqual([variables[name] for name in ("REQUEST_METHOD", "CONTENT_LENGTH", "CONTENT_TYPE")],
                         ["POST", "5", "text/x-sample"])

    def test_row_13_the_proxy_header_never_becomes_http_proxy(self):
        for name in ("Proxy", "proxy", "PROXY"):
            for path in ("/app/env.fcgi", "/php/env.php?format=text"):
                answer = self.get(path, {name: "http://evil.test/", "X-Sample": "there"})
                self.assertNotIn("HTTP_PROXY", answer.text.upper())
                self.assertEqual(answer.variables()["HTTP_X_SAMPLE"], "there")

    def test_pass_proxy_header_lets_http_proxy_through_for_its_pool_alone(self):
        program = {"ExePath": support.RESPONDER}
        host = self.servers.host(support.ini({"with": "with", "without": "without"}, **{"with": {**program, "PassProxyHeader": 1}},
                                             without={**program, "PassProxyHeader": 0}), maps=".with,.without")
        for extension, expected in (("with", "http://proxy.test/"), ("without", None)):
            answer = support.http_request(host, f"/app/env.{extension}", headers={"Proxy": "http://proxy.test/"})
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(answer.variables().get("HTTP_PROXY"), expected)

    def test_row_14_the_underscore_spelling_of_a_header_is_dropped(self):
        evil, good = ("X_Forwarded_For", "192.0.2.66"), ("X-Forwarded-For", "192.0.2.1")
        for headers in ((good, evil), (evil, good), (evil, good, ("X-Forwarded_For", "192.0.2.67"))):
            for path in ("/app/env.fcgi", "/php/env.php?format=text"):
                answer = self.get(path, dict(headers))
                self.assertEqual(re.findall("HTTP_X_FORWARDED_FOR=(.*)", answer.text), ["192.0.2.1"])

    def test_row_15_an_empty_path_info(self):
        host = self.servers.host(
            support.ini({"fcgi": "echo", "php": "php"}, echo={"ExePath": support.RESPONDER},
                        php={"Address": f"127.0.0.1:{self.php.port}"}), "--allow-path-info")
        for script, query in (("/app/env.fcgi", ""), ("/php/env.php", "?format=text")):
            for info in ("", "/", "/more"):
                variables = support.http_request(host, script + info + query).variables()
                seen = [variables.get(name, "") for name in ("PATH_INFO", "SCRIPT_NAME", "SCRIPT_FILENAME")]
                self.assertEqual(seen, [info, script, SITE + script.replace("/", "\\")])

    def refused(self, target):
        """-> who refused: "host" or "extension". The program has not seen it: it would have answered 200."""
        with support.RawConnection(self.host) as raw:
            raw.send(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode("latin-1"))
            answer = raw.read_all().decode("latin-1")
        self.assertRegex(answer, "^HTTP/1.1 40[04] ", target)
        return "extension" if "\r\nX-Fcgiext-Reason: bad_request\r\n" in answer else "host"

    def test_row_15_a_newline_in_the_url(self):
        for target in ("/app/env.fcgi%0a", "/app/env.fcgi/a%0ab", "/app/env.fcgi%0d%0aX:1", "/app%0a/env.fcgi", "/app/env.fcgi/%00",
                       "/php/env.php/PHP%0Ais_the_shittiest_lang.php"):
            self.refused(target)
        variables = self.get("/app/env.fcgi/a?x=%0a%0dQ=1").variables()  # in a query it is mere text
        self.assertEqual((variables["PATH_INFO"], variables["QUERY_STRING"]), ("/app/env.fcgi/a", "x=%0a%0dQ=1"))

    def test_row_16_names_that_windows_opens_as_others(self):
        for target in ("/app/env.fcgi%00.jpg", "/app/file.jpg%00.fcgi", "/app/env.fcgi.", "/app/env.fcgi%20", "/app/env.fcgi::$DATA",
                       "/php/ENV~1.PHP", "/php/env~1.php?format=text", "/PROGRA~1/env.fcgi", "/app./env.fcgi", "/app%20/env.fcgi", "/app/con.fcgi",
                       "/app/env.fcgi:x.fcgi", "/app%5cenv.fcgi"):
            self.refused(target)

    def test_row_16_a_script_below_a_picture(self):
        for target in ("/app/file.jpg/x.fcgi", "/app/file.jpg/x.fcgi/", "/php/file.jpg/x.php", "/php/file.pdf/x.php?format=text"):
            self.assertEqual(self.refused(target), "extension", target)

    def test_row_16_a_slash_behind_the_script_is_path_info(self):
        for script, query in (("/app/env.fcgi", ""), ("/php/env.php", "?format=text")):
            for info in ("/", "/x.jpg", "/file.jpg/x.php", "/a. b/C~1.TXT"):
                variables = self.get(script + info.replace(" ", "%20") + query).variables()
                self.assertEqual(variables["SCRIPT_NAME"], script)
                self.assertEqual(variables["SCRIPT_FILENAME"], SITE + script.replace("/", "\\"))

    def test_long_variables_arrive_whole(self):
        # a name or value of 128 bytes and more has a length of 4 bytes; 70,000 do not fit into one record
        values = {f"X-Long-{length}": "v" * length for length in (0, 1, 126, 127, 128, 129, 8000)}
        values["X-" + "n" * 200] = "a long name"
        query = "q=" + "0123456789" * 1500
        variables = self.get("/app/env.fcgi?" + query, values).variables()
        self.assertEqual(variables["QUERY_STRING"], query)
        for name, value in values.items():
            self.assertEqual(variables.get("HTTP_" + name.upper().replace("-", "_")), value, name)

    def test_params_beyond_64_kib_reach_a_program_that_parses_each_record_alone(self):
        """PHP is one. Values end at any place of a record, and some would have spanned two."""
        for size in (900, 6001, 12000):
            values = {f"X-Large-{i}": f"{i}-" + "0123456789" * (size // 10) + "-end" for i in range(min(60, 110_000 // size))}
            self.assertGreater(sum(map(len, values.values())), 54_000 if size == 900 else 65536)
            for path in ("/php/env.php?format=text", "/app/env.fcgi?x"):
                answer = self.get(path + "&q=" + "x" * 9000 + "end", values)
                variables = answer.variables()
                for name, value in values.items():
                    self.assertEqual(variables.get("HTTP_" + name.upper().replace("-", "_")), value, name)
                self.assertTrue(variables["QUERY_STRING"].endswith("xend"))
                self.assertEqual(variables["SCRIPT_FILENAME"], SITE + path.partition("?")[0].replace("/", "\\"))

    def test_php_sees_the_same(self):
        answer = self.get("/php/env.php/more?format=text", {"X-Sample": "a value"})
        variables = answer.variables()
        expected = {"APPL_MD_PATH": "/LM/W3SVC/7/ROOT", "HTTPS": "off", "HTTP_X_SAMPLE": "a value", "INSTANCE_ID": "7",
                    "QUERY_STRING": "format=text", "REQUEST_METHOD": "GET", "REQUEST_URI": "/php/env.php/more?format=text",
                    "SCRIPT_FILENAME": SITE + "\\php\\env.php", "SCRIPT_NAME": "/php/env.php"}
        self.assertEqual({name: variables.get(name) for name in expected}, expected)


class PathInfo(support.SystemTest):
    def test_a_host_that_allows_path_info(self):
        host = self.servers.host(support.ini({"fcgi": "echo"}, echo={"ExePath": support.RESPONDER}), "--allow-path-info")
        variables = support.http_request(host, "/app/env.fcgi/more").variables()
        expected = {"PATH_INFO": "/more", "SCRIPT_NAME": "/app/env.fcgi", "SCRIPT_FILENAME": SITE + "\\app\\env.fcgi"}
        self.assertEqual({name: variables.get(name) for name in expected}, expected)
        self.assertEqual(support.http_request(host, "/app/index.fcgi/env").variables()["SCRIPT_NAME"], "/app/index.fcgi")

    SCRIPT = SITE + "\\app\\env.fcgi"
    RULES = [  # what follows the script in the URL, and as a path
        ("", ""),
        ("/", "/"),
        ("/more/info", "/more/info"),
        ("/a%20b/%25%41", "/a b/%A"),
        ("/x.php/y.jpg", "/x.php/y.jpg"),
        ("/app/env.fcgi/x", "/app/env.fcgi/x"),  # as if it were the script once more
        ("/env.fcgi", "/env.fcgi"),
    ]

    def check_rules(self, path_info, *options):
        host = self.servers.host(support.ini({"fcgi": "echo"}, echo={"ExePath": support.RESPONDER}), *options)
        for sent, info in self.RULES:
            with self.subTest(sent):
                variables = support.http_request(host, f"/app/env.fcgi{sent}?page=env&a=b").variables()
                expected_info = path_info(info)
                expected = {"SCRIPT_NAME": "/app/env.fcgi", "SCRIPT_FILENAME": self.SCRIPT, "PATH_INFO": expected_info,
                            "PATH_TRANSLATED": SITE + (expected_info or "/").replace("/", "\\"), "DOCUMENT_ROOT": SITE,
                            "QUERY_STRING": "page=env&a=b", "REQUEST_URI": f"/app/env.fcgi{sent}?page=env&a=b"}
                self.assertEqual({name: variables.get(name) for name in expected}, expected)

    def test_path_rules_of_a_host_with_its_defaults(self):
        self.check_rules(lambda info: "/app/env.fcgi" + info)

    def test_path_rules_of_a_host_that_allows_path_info_for_script_maps(self):
        self.check_rules(lambda info: info, "--allow-path-info")

    def test_applications_and_sites(self):
        host = self.servers.host(support.ini({"fcgi": "echo"}, echo={"ExePath": support.RESPONDER}), "--app", "/app",
                                 sites=[(3, support.SITE), (44, support.SITE)])
        for site, number in enumerate(("3", "44")):
            variables = support.http_request(host, "/app/env.fcgi", site=site).variables()
            self.assertEqual(variables["INSTANCE_ID"], number)
            self.assertEqual(variables["APPL_MD_PATH"], f"/LM/W3SVC/{number}/ROOT/app")
            self.assertEqual(variables["APPL_PHYSICAL_PATH"], SITE + "\\app\\")


class Limits(support.SystemTest):
    """However long a request is, it is served whole, or refused; what a program gets is never cut."""

    @classmethod
    def start(cls, servers):
        cls.host = servers.host(support.ini({"fcgi": "echo"}, echo={"ExePath": support.RESPONDER}))

    def request(self, target, *lines):
        """-> the program's variables; None if the request was refused, by a status that says so"""
        with support.RawConnection(self.host) as raw:
            raw.send("\r\n".join([f"GET {target} HTTP/1.1", "Host: x", "Connection: close", *lines, "", ""]).encode())
            try:
                head, _, body = raw.read_all().decode().partition("\r\n\r\n")
            except ConnectionError:
                return None  # it closed while we were sending
        status = int(head.split()[1])
        if status != 200:
            self.assertIn(status, (400, 413, 414, 431), head)
            return None
        return dict(line.split("=", 1) for line in body.splitlines() if "=" in line)

    def served(self, lengths, least, ask):
        """ask(length) -> variables and what must be in them; those up to the length `least` must be served."""
        for length in lengths:
            with self.subTest(length):
                variables, expected = ask(length)
                if variables is None:
                    self.assertGreater(length, least, "refused")
                else:
                    self.assertEqual({name: variables.get(name) for name in expected}, expected)

    def test_a_long_path(self):
        def ask(length):
            path = "/app/env.fcgi/" + "p/%41" * (length // 5)
            return self.request(path), {"REQUEST_URI": path, "PATH_INFO": path.replace("%41", "A")}

        self.served((1000, 6000, 9000, 20000, 100_000, 200_000), 6000, ask)

    def test_a_long_query(self):
        def ask(length):
            query = "0123456789" * (length // 10)
            return self.request("/app/env.fcgi?" + query), {"REQUEST_URI": "/app/env.fcgi?" + query, "QUERY_STRING": query}

        self.served((1000, 16_000, 64_000, 120_000, 140_000, 400_000), 120_000, ask)

    def test_a_long_header_field(self):
        def ask(length):
            value = "0123456789" * (length // 10)
            return self.request("/app/env.fcgi", "X-Long: " + value), {"HTTP_X_LONG": value}

        self.served((1000, 16_000, 64_000, 120_000, 140_000, 400_000), 120_000, ask)

    def test_many_header_fields(self):
        def ask(count):
            lines = [f"X-Many-{i}: value {i}" for i in range(count)]
            return self.request("/app/env.fcgi", *lines), {f"HTTP_X_MANY_{i}": f"value {i}" for i in range(count)}

        self.served((20, 60, 64, 250, 1000, 10_000), 60, ask)


class Process(support.SystemTest):
    @classmethod
    def start(cls, servers):
        responder = {"ExePath": support.RESPONDER, "MaxInstances": 1}
        look = {"ExePath": witness.WITNESS, "MaxInstances": 1}
        cls.host = servers.host(
            support.ini({"fcgi": "plain", "vars": "vars", "args": "args", "look": "look", "event": "event"},
                        plain=responder,
                        vars={**responder, "InstanceMaxRequests": 7,
                              "EnvironmentVars": 'SAMPLE_A:one,SAMPLE_B:"two words",lang:changed,SAMPLE_C:a/,b,SAMPLE_D:grün'},
                        args={**responder, "Arguments": '-c "a b" --x="1"', "EnvironmentVars": "php_fcgi_max_requests:42"},
                        look=look, event={**look, "SignalBeforeTerminateSeconds": 5}),
            maps=".fcgi,.vars,.args,.look,.event")

    def process(self, extension):
        answer = support.http_request(self.host, f"/app/process.{extension}")
        self.assertEqual(answer.status, 200, answer)
        head, _, environment = answer.text.partition("\n\n")
        return dict(line.split(": ", 1) for line in head.splitlines()), environment.splitlines()

    def test_the_pipe_has_a_secret_name_of_its_own(self):
        names = []
        for extension in ("fcgi", "vars"):
            names += [line for line in self.process(extension)[1] if line.startswith("_FCGI_X_PIPE_=")]
        self.assertEqual(len(set(names)), 2, names)
        for name in names:
            self.assertRegex(name, r"^_FCGI_X_PIPE_=\\\\\.\\pipe\\IISFCGI-[0-9a-f]{32}$")

    def test_environment_vars_arrive(self):
        environment = self.process("vars")[1]
        for line in ("SAMPLE_A=one", "SAMPLE_B=two words", "SAMPLE_C=a,b", "SAMPLE_D=grün"):
            self.assertIn(line, environment)

    def test_environment_vars_replace_those_of_the_host(self):
        language = [line for line in self.process("vars")[1] if line.upper().startswith("LANG=")]
        self.assertEqual(language, ["lang=changed"])

    def test_all_else_of_the_hosts_environment_is_there(self):
        environment = self.process("fcgi")[1]
        self.assertTrue(any(line.startswith("FCGIEXT_RUN=") for line in environment), environment)
        self.assertTrue(any(line.upper().startswith("SYSTEMROOT=") for line in environment), environment)

    def test_php_is_told_to_serve_one_request_more_than_we_send(self):
        for extension, limit in (("fcgi", "1001"), ("vars", "8"), ("args", "42")):
            lines = [line for line in self.process(extension)[1] if line.upper().startswith("PHP_FCGI_MAX_REQUESTS=")]
            self.assertEqual([line.split("=")[1] for line in lines], [limit], extension)

    def test_arguments_and_folder(self):
        exe = support.windows_path(support.RESPONDER)
        for extension, line in (("fcgi", f'"{exe}"'), ("args", f'"{exe}" -c "a b" --x="1"')):
            head = self.process(extension)[0]
            self.assertEqual(head["command line"], line)
            self.assertEqual(head["working directory"].lower(), exe.rpartition("\\")[0].lower())

    def test_standard_handles_and_pipe(self):
        facts = witness.facts(support.http_request(self.host, "/app/x.look"))
        expected = {"stdin": "pipe", "stdout": "none", "stderr": "none", "pipe_end": "server", "pipe_type": "byte",
                    "pipe_instances": "1", "in_job": "yes"}
        self.assertEqual({name: facts.get(name) for name in expected}, expected)

    def test_only_system_administrators_and_the_owner_may_open_the_pipe(self):
        access = witness.facts(support.http_request(self.host, "/app/x.look"))["pipe_access"]
        self.assertRegex(access, r"^D:P(\(A;;\w+;;;(SY|BA|OW)\)){3}$")

    def test_nothing_else_is_inherited(self):
        self.assertEqual(witness.facts(support.http_request(self.host, "/app/x.look"))["inherited"], "File")

    def test_shutdown_event_is_inherited_if_it_is_to_be_signalled(self):
        facts = witness.facts(support.http_request(self.host, "/app/x.event"))
        self.assertEqual((facts["shutdown_event"], facts["shutdown_event_set"]), ("manual reset", "0"))
        self.assertEqual(sorted(facts["inherited"].split()), ["Event", "File"])
        self.assertEqual(witness.facts(support.http_request(self.host, "/app/x.look"))["shutdown_event"], "none")
