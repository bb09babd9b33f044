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

    def test_header_names_that_would_be_mistaken_are_left_out(self):
        headers = {"Proxy": "http://evil.test/", "X-Forwarded-For": "192.0.2.1", "X_Forwarded_For": "192.0.2.66"}
        answer = self.get("/app/env.fcgi", headers)
        self.assertNotIn("HTTP_PROXY", answer.variables())
        self.assertEqual(re.findall("HTTP_X_FORWARDED_FOR=(.*)", answer.text), ["192.0.2.1"])

    def test_long_variables_arrive_whole(self):
        # a name or value of 128 bytes and more has a length of 4 bytes; 70,000 do not fit into one record
        values = {f"X-Long-{length}": "v" * length for length in (0, 1, 126, 127, 128, 129, 8000)}
        values["X-" + "n" * 200] = "a long name"
        query = "q=" + "0123456789" * 1500
        variables = self.get("/app/env.fcgi?" + query, values).variables()
        self.assertEqual(variables["QUERY_STRING"], query)
        for name, value in values.items():
            self.assertEqual(variables.get("HTTP_" + name.upper().replace("-", "_")), value, name)

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

    def test_applications_and_sites(self):
        host = self.servers.host(support.ini({"fcgi": "echo"}, echo={"ExePath": support.RESPONDER}), "--app", "/app",
                                 sites=[(3, support.SITE), (44, support.SITE)])
        for site, number in enumerate(("3", "44")):
            variables = support.http_request(host, "/app/env.fcgi", site=site).variables()
            self.assertEqual(variables["INSTANCE_ID"], number)
            self.assertEqual(variables["APPL_MD_PATH"], f"/LM/W3SVC/{number}/ROOT/app")
            self.assertEqual(variables["APPL_PHYSICAL_PATH"], SITE + "\\app\\")


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
