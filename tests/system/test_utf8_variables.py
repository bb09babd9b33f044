"""Server variables in the code page and as UTF-8: URLs with characters beyond ASCII, escaped and not, and both settings that ask
for UTF-8. The code page of these hosts is Windows-1252."""

import support
import witness
from fcgictl import ControlTest

ALL = "SCRIPT_NAME,PATH_INFO,PATH_TRANSLATED,URL"  # and with PATH_TRANSLATED goes SCRIPT_FILENAME
SITE = support.windows_path(support.SITE)
KEY = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\w3svc\\Parameters"


def pools(**lists):
    """An ini with a pool of the responder for each name, mapped to .NAME; its value is Utf8ServerVariables."""
    properties = {name: {"ExePath": support.RESPONDER, "MaxInstances": 1, **({"Utf8ServerVariables": names} if names else {})}
                  for name, names in lists.items()}
    return support.ini({name: name for name in lists}, **properties)


def fetch(host, target, *header_lines):
    """A GET whose target and header lines are sent as they are. -> its status, and the page `env` as {name: value} of bytes"""
    lines = [b"GET " + target + b" HTTP/1.1", b"Host: x", b"Connection: close", *header_lines]
    with support.RawConnection(host) as raw:
        raw.send(b"\r\n".join(lines) + b"\r\n\r\n")
        head, _, body = raw.read_all().partition(b"\r\n\r\n")
    return int(head.split()[1]), dict(line.split(b"=", 1) for line in body.splitlines() if b"=" in line)


class Utf8Test(support.SystemTest):
    def variables(self, host, target, *header_lines):
        status, variables = fetch(host, target, *header_lines)
        self.assertEqual(status, 200, target)
        return {name.decode(): value for name, value in variables.items()}

    def check(self, variables, encoding, **expected):
        self.assertEqual({name: variables[name] for name in expected},
                         {name: value.encode(encoding) for name, value in expected.items()})


class Versions(Utf8Test):
    """What each version of IIS can give."""

    @classmethod
    def start(cls, servers):
        ini = pools(ansi="", all=ALL, info="PATH_INFO", file="SCRIPT_FILENAME", query="QUERY_STRING,HTTP_X_NAME,REQUEST_URI")
        cls.hosts = {version: servers.host(ini, "--iis", version, maps=".ansi,.all,.info,.file,.query") for version in ("5.1", "6", "7")}

    def test_by_default_paths_are_in_the_code_page_however_the_url_was_written(self):
        for version, host in self.hosts.items():
            for url in (b"/app/%C3%A4.ansi/%c3%bc?page=env", "/app/ä.ansi/ü?page=env".encode()):
                with self.subTest(version=version, url=url):
                    variables = self.variables(host, url)
                    self.check(variables, "cp1252", SCRIPT_NAME="/app/ä.ansi", URL="/app/ä.ansi/ü", PATH_INFO="/app/ä.ansi/ü",
                               PATH_TRANSLATED=SITE + "\\app\\ä.ansi\\ü", SCRIPT_FILENAME=SITE + "\\app\\ä.ansi")
                    self.assertEqual(variables["REQUEST_URI"], url)  # as the client has sent it

    def test_variables_that_are_named_are_utf8(self):
        for version, host in self.hosts.items():
            for url in (b"/app/%C3%A4.all/%c3%bc?page=env", "/app/ä.all/ü?page=env".encode()):
                with self.subTest(version=version, url=url):
                    variables = self.variables(host, url)
                    self.check(variables, "utf-8", SCRIPT_NAME="/app/ä.all", URL="/app/ä.all/ü", PATH_INFO="/app/ä.all/ü",
                               PATH_TRANSLATED=SITE + "\\app\\ä.all\\ü", SCRIPT_FILENAME=SITE + "\\app\\ä.all")
                    self.assertEqual(variables["REQUEST_URI"], url)

    def test_variables_that_are_not_named_stay_in_the_code_page(self):
        for version, host in self.hosts.items():
            with self.subTest(version=version):
                variables = self.variables(host, b"/app/%C3%A4.info/%c3%bc?page=env")
                self.check(variables, "utf-8", PATH_INFO="/app/ä.info/ü")
                self.check(variables, "cp1252", SCRIPT_NAME="/app/ä.info", PATH_TRANSLATED=SITE + "\\app\\ä.info\\ü",
                           SCRIPT_FILENAME=SITE + "\\app\\ä.info")
                variables = self.variables(host, b"/app/%C3%A4.file/%c3%bc?page=env")
                self.check(variables, "utf-8", SCRIPT_FILENAME=SITE + "\\app\\ä.file")
                self.check(variables, "cp1252", PATH_INFO="/app/ä.file/ü", PATH_TRANSLATED=SITE + "\\app\\ä.file\\ü")

    def test_characters_beyond_the_code_page_arrive_where_the_host_has_unicode_variables(self):
        for version in ("6", "7"):
            for url in (b"/app/%E6%97%A5.all/%e6%9c%ac?page=env", "/app/日.all/本?page=env".encode()):
                with self.subTest(version=version, url=url):
                    self.check(self.variables(self.hosts[version], url), "utf-8", SCRIPT_NAME="/app/日.all",
                               PATH_INFO="/app/日.all/本", SCRIPT_FILENAME=SITE + "\\app\\日.all")

    def test_a_script_whose_name_the_code_page_lacks_is_refused_in_place_of_another_one(self):
        for version, path in (("5.1", b"/app/%E6%97%A5.all"), ("7", b"/app/%E6%97%A5.ansi"), ("7", b"/app/%E6%97%A5.info")):
            self.assertEqual(fetch(self.hosts[version], path + b"?page=env")[0], 400, (version, path))

    BEST_FITS = {"\u0100": "A", "\u0142": "l", "\uff49": "i", "\uff3f": "_"}  # what Windows-1252 makes of these

    def test_a_script_whose_name_the_code_page_makes_another_of_is_refused(self):
        for version in ("6", "7"):
            for letter, fit in self.BEST_FITS.items():
                with self.subTest(version=version, letter=letter):
                    for pool in ("ansi", "info", "query"):  # the script is told in the code page
                        self.assertEqual(fetch(self.hosts[version], f"/app/{letter}.{pool}?page=env".encode())[0], 400, pool)
                    self.check(self.variables(self.hosts[version], f"/app/{letter}.all?page=env".encode()), "utf-8",
                               SCRIPT_NAME=f"/app/{letter}.all", SCRIPT_FILENAME=f"{SITE}\\app\\{letter}.all")
                    # that it does so is seen behind the script
                    variables = self.variables(self.hosts[version], f"/app/x.ansi/{letter}?page=env".encode())
                    self.check(variables, "cp1252", PATH_INFO=f"/app/x.ansi/{fit}")

    def test_what_the_code_page_lacks_behind_the_script_is_lost_without_the_setting(self):
        for version, path in (("5.1", "info"), ("7", "ansi")):
            variables = self.variables(self.hosts[version], f"/app/x.{path}/%E6%97%A5?page=env".encode())
            self.assertEqual(variables["PATH_INFO"], f"/app/x.{path}/?".encode())
            self.assertEqual(variables["REQUEST_URI"], f"/app/x.{path}/%E6%97%A5?page=env".encode())

    def test_what_the_client_has_sent_is_converted_only_if_it_is_not_utf8(self):
        for version, host in self.hosts.items():
            for text, encoding in (("ä", "utf-8"), ("ä", "cp1252"), ("日", "utf-8"), ("%E4", "ascii")):
                with self.subTest(version=version, text=text, encoding=encoding):
                    sent = text.encode(encoding)
                    header = b"X-Name: " + sent
                    variables = self.variables(host, b"/app/x.query?page=env&q=" + sent, header)
                    self.check(variables, "utf-8", QUERY_STRING="page=env&q=" + text, HTTP_X_NAME=text,
                               REQUEST_URI="/app/x.query?page=env&q=" + text)
                    variables = self.variables(host, b"/app/x.ansi?page=env&q=" + sent, header)
                    self.assertEqual((variables["QUERY_STRING"], variables["HTTP_X_NAME"]), (b"page=env&q=" + sent, sent))

    def test_row_16_tricks_are_seen_in_utf8_paths(self):
        for path in (b"/app/%C3%A4.all.", b"/app/%C3%A4.all%20", b"/app/%C3%A4.all::$DATA", b"/app/%C3%A4.jpg/x.all", b"/%C3%A4./x.all"):
            self.assertIn(fetch(self.hosts["7"], path + b"?page=env")[0], (400, 404), path)
        # an overlong slash and dot, a lone byte: no UTF-8, so the host's code page says what they are; they are no separators
        for path in (b"/app/%C0%AF..%C0%AFx.all", b"/app/%C0%AE%C0%AE/x.all", b"/app/%FF.all"):
            status, variables = fetch(self.hosts["7"], path + b"?page=env")
            self.assertIn(status, (200, 400, 404), path)
            self.assertNotIn(b"\\..\\", variables.get(b"SCRIPT_FILENAME", b""))


class Registry(Utf8Test):
    """FastCGIUtf8ServerVariables. Other hosts of this run may read it, too: the names are some whose values are ASCII in other tests."""

    def registry(self, *command):
        code, said = support.wine.run(["wine", "reg", command[0], KEY, *command[1:]], support.SECONDS, support.wine.env())
        self.assertEqual(code, 0, said)

    def set_names(self, *names):
        self.registry("add", "/v", "FastCGIUtf8ServerVariables", "/t", "REG_MULTI_SZ", "/d", "\\0".join(names), "/f")

    def setUp(self):
        super().setUp()
        self.addCleanup(self.registry, "delete", "/v", "FastCGIUtf8ServerVariables", "/f")

    def names_in_utf8(self, host, pool):
        variables = self.variables(host, f"/app/%C3%A4.{pool}/%C3%BC?page=env".encode())
        return {name for name in ("SCRIPT_NAME", "PATH_INFO", "URL", "PATH_TRANSLATED")
                if b"\xc3\xa4" in variables[name] and b"\xe4" not in variables[name]}

    def test_the_list_of_the_registry_holds_in_every_pool_beside_the_pools_own(self):
        self.set_names("PATH_INFO", "url")
        host = self.servers.host(pools(plain="", own="Path_Translated"), maps=".plain,.own")
        self.assertEqual(self.names_in_utf8(host, "plain"), {"PATH_INFO", "URL"})
        self.assertEqual(self.names_in_utf8(host, "own"), {"PATH_INFO", "URL", "PATH_TRANSLATED"})

    def test_it_is_read_again_with_the_ini_and_both_take_effect_without_a_new_process(self):
        self.set_names("PATH_INFO")
        host = self.servers.host(pools(plain=""), maps=".plain")
        self.assertEqual(self.names_in_utf8(host, "plain"), {"PATH_INFO"})
        worker = support.http_request(host, "/app/process.plain").headers["X-Worker-Pid"]
        self.set_names("URL")
        host.write_ini(pools(plain="SCRIPT_NAME"))
        witness.wait_until(lambda: self.names_in_utf8(host, "plain") == {"URL", "SCRIPT_NAME"}, "both lists have been read again")
        self.assertEqual(support.http_request(host, "/app/process.plain").headers["X-Worker-Pid"], worker)


class Setting(ControlTest):
    def check_ini(self, names, code):
        path = self.servers.folder / "fcgiext.ini"
        path.write_text(pools(fcgi=names))
        return self.fcgictl("config", "check", support.windows_path(path), code=code)

    def test_a_name_that_no_variable_has_is_warned_of_and_one_that_cannot_be_is_an_error(self):
        result = self.check_ini("PATH_INFO, HTTP_X_NAME,PATH_IFNO", 0)
        self.assertRegex(result.out + result.err, r"'PATH_IFNO' is not among the variables that programs get")
        self.assertNotIn("HTTP_X_NAME", result.out + result.err)
        result = self.check_ini('PATH_INFO,"URL"', 1)
        self.assertRegex(result.out + result.err, "is not the name of a variable")
