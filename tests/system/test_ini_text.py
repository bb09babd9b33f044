"""fcgiext.ini as text: encodings, duplicates, over-long lines; EnvironmentVars and Arguments as a program gets them. What the DLL makes
of a file is seen by a request, what is said of it by `fcgictl config check FILE`."""

import codecs

import pages
import support
from fcgictl import ControlTest


class IniTest(ControlTest, pages.Page):
    def start_host(self, text, maps=".fcgi,.other"):
        self.host = self.servers.host(text, maps=maps)
        return self.host

    def process(self, extension="fcgi"):
        """-> facts of its head, list of its arguments, environment"""
        answer = support.http_request(self.host, f"/app/process.{extension}")
        self.assertEqual(answer.status, 200, answer)
        head, _, environment = answer.text.partition("\n\n")
        facts = dict(line.split(": ", 1) for line in head.splitlines())
        arguments = [value for name, value in facts.items() if name.startswith("argument ")]
        return facts, arguments, dict(line.split("=", 1) for line in environment.splitlines() if not line.startswith("="))

    def findings(self, code=0):
        """What `config check` says of the host's file."""
        found = self.fcgictl("config", "check", "--json", support.windows_path(self.host.ini), code=code).json()["diagnostics"]
        return [(entry["severity"], entry["line"], entry["property"], entry["message"]) for entry in found]

    def only(self, severity, line, setting, words):
        findings = self.findings(1 if severity == "error" else 0)
        self.assertEqual([finding[:3] for finding in findings], [(severity, line, setting)], findings)
        self.assertIn(words, findings[0][3])


class Encodings(IniTest):
    TEXT = support.ini({"fcgi": "grün"}, grün={"ExePath": support.RESPONDER, "EnvironmentVars": "SAMPLE:größer €"})

    def check_encoding(self, data, text="größer €"):
        self.start_host(data)
        self.assertEqual(self.process()[2]["SAMPLE"], text)
        self.assertEqual(self.findings(), [])

    def test_utf8_without_a_mark(self):
        text = self.TEXT.replace("€", "日")
        self.check_encoding(text.encode(), "größer 日")

    def test_utf8_with_a_mark_and_windows_line_ends(self):
        self.check_encoding(codecs.BOM_UTF8 + self.TEXT.replace("\n", "\r\n").encode())

    def test_utf16_little_endian(self):
        text = self.TEXT.replace("€", "日𝄞")
        self.check_encoding(codecs.BOM_UTF16_LE + text.encode("utf-16-le"), "größer 日𝄞")

    def test_utf16_big_endian(self):
        self.check_encoding(codecs.BOM_UTF16_BE + self.TEXT.encode("utf-16-be"))

    def test_the_ansi_code_page(self):
        self.check_encoding(self.TEXT.encode("cp1252"))

    def test_utf16_without_a_mark_is_an_error_that_says_so(self):
        self.start_host(self.TEXT.encode("utf-16-le"))
        self.fetch("/app/process.fcgi", 500, "config_invalid")
        self.assertTrue(any("UTF-16 without a byte order mark" in finding[3] for finding in self.findings(1)))


class Lines(IniTest):
    def two_pools(self, *lines):
        """The pool `a` with these lines from line 6 on, and `b` behind it."""
        program = support.windows_path(support.RESPONDER)
        text = [*"[Types]\nfcgi=a\nother=b\n[a]".splitlines(), f"ExePath={program}", *lines, "[b]", f"ExePath={program}", ""]
        return self.start_host("\n".join(text))

    def test_of_a_setting_given_twice_the_last_counts_and_it_is_a_warning(self):
        self.two_pools("EnvironmentVars=SAMPLE:first", "environmentvars=SAMPLE:second")
        self.assertEqual(self.process()[2]["SAMPLE"], "second")
        self.only("warning", 7, "environmentvars", "stands in line 6 already; this one counts")

    def test_a_section_given_twice_is_an_error_and_breaks_that_pool_only(self):
        program = support.windows_path(support.RESPONDER)
        self.two_pools("[A]", f"ExePath={program}")
        found = self.fetch("/app/process.fcgi", 500, "config_invalid")
        self.assertIn("the section stands in line 4 already", " ".join(found.values()))
        self.process("other")
        self.only("error", 6, "", "the section stands in line 4 already; allowed is one section of a name")

    def test_an_over_long_line_is_an_error_and_is_not_read_in_part(self):
        self.two_pools("EnvironmentVars=SAMPLE:" + "x" * 32 * 1024)
        found = self.fetch("/app/process.fcgi", 500, "config_invalid")
        self.assertIn("the line is 32791 bytes long", " ".join(found.values()))
        self.process("other")
        self.only("error", 6, "", "allowed are 32768")

    def test_the_longest_line_arrives_whole(self):
        value = "0123456789" * 3000
        self.two_pools("EnvironmentVars=SAMPLE:" + value)
        self.assertEqual(self.process()[2]["SAMPLE"], value)
        self.assertEqual(self.findings(), [])

    def test_case_blanks_comments_and_line_ends_do_not_matter(self):
        program = support.windows_path(support.RESPONDER)
        self.start_host(f"; first\r\n\t[TYPES]\r\n\r\n  FCGI = A \r\n; more\r [ a ] ; trailing\n exepath =\t{program}\n\n"
                        "  environmentVARS =  SAMPLE:a ; b  \n;the end")
        self.assertEqual(self.process()[2]["SAMPLE"], "a ; b")  # no comment: only a line of its own is one
        self.assertEqual(self.findings(), [])


class Variables(IniTest):
    ROWS = [  # as written, the value that arrives, what it is warned of
        ("SAMPLE:one", "one", None),
        ("SAMPLE=one", "one", None),
        (" SAMPLE :  one  two ", "one  two", None),
        ('SAMPLE:"two words"', "two words", None),
        ('SAMPLE:" blanks around "', " blanks around ", None),
        ('SAMPLE:"a,b"', "a,b", None),
        ("SAMPLE:a/,b", "a,b", None),
        ("SAMPLE:a//b", "a/b", None),
        ('SAMPLE:"a/,b//c"', "a,b/c", None),
        ("SAMPLE:a/b", "a/b", "a single '/' stays as it is"),
        ("SAMPLE:http://x/y", "http:/x/y", "a single '/' stays as it is"),
        ("SAMPLE:C:\\dir\\file", "C:\\dir\\file", None),
        ("SAMPLE:x=y:z", "x=y:z", None),
        ("SAMPLE=x:y=z", "x:y=z", None),
        ('SAMPLE:5"', '5"', None),
        ("SAMPLE:", "", None),
        ('SAMPLE:""', "", None),
        ("SAMPLE:%PATH%", "%PATH%", None),
        ("SAMPLE:größer 日", "größer 日", None),
        ("SAMPLE:first,OTHER:x,sample:second", "second", "is given more than once; the last one counts"),
        ("OTHER:x,SAMPLE:y,", "y", "there is a comma too many"),
    ]

    def test_environment_variables_as_a_program_gets_them(self):
        names = [f"e{i}" for i in range(len(self.ROWS))]
        pools = {name: {"ExePath": support.RESPONDER, "EnvironmentVars": row[0]} for name, row in zip(names, self.ROWS)}
        self.start_host(support.ini({name: name for name in names}, **pools), ",".join("." + name for name in names))
        for name, (written, value, _) in zip(names, self.ROWS):
            with self.subTest(written):
                environment = {key.upper(): text for key, text in self.process(name)[2].items()}
                self.assertEqual(environment["SAMPLE"], value)
        expected = [warning for _, _, warning in self.ROWS if warning]
        findings = self.findings()
        self.assertEqual(len(findings), len(expected), findings)
        for (severity, _, setting, message), warning in zip(findings, expected):
            self.assertEqual((severity, setting), ("warning", "EnvironmentVars"))
            self.assertIn(warning, message)

    def test_what_is_no_list_of_variables_is_an_error(self):
        rows = (("SAMPLE", "has no ':'"), (":x", "has no name"), ('SAMPLE:"x', "has a quote that does not end"),
                ('SAMPLE:"x"y', "has text behind the value's quotes"), ("_FCGI_X_PIPE_:x", "belongs to fcgiext itself"))
        names = [f"e{i}" for i in range(len(rows))]
        pools = {name: {"ExePath": support.RESPONDER, "EnvironmentVars": row[0]} for name, row in zip(names, rows)}
        self.start_host(support.ini({name: name for name in names}, **pools), ",".join("." + name for name in names))
        for name, (written, words) in zip(names, rows):
            with self.subTest(written):
                self.assertIn(words, " ".join(self.fetch(f"/app/process.{name}", 500, "config_invalid").values()))
        findings = self.findings(1)
        lines = [1 + len(rows) + 3 * number for number in range(1, len(rows) + 1)]  # the last one of each section
        self.assertEqual([finding[:3] for finding in findings], [("error", line, "EnvironmentVars") for line in lines], findings)
        for (_, words), finding in zip(rows, findings):
            self.assertIn(words, finding[3])


class Arguments(IniTest):
    ROWS = [  # as written, as the C run-time takes it apart
        ("a b", ["a", "b"]),
        ("  a   b  ", ["a", "b"]),
        ("a\tb", ["a", "b"]),
        ('"a b"', ["a b"]),
        ('"" x ""', ["", "x", ""]),
        ('x"y z"w', ["xy zw"]),
        ("C:\\dir\\file", ["C:\\dir\\file"]),
        ('"C:\\dir with blank\\\\" x', ["C:\\dir with blank\\", "x"]),
        ('\\"a\\"', ['"a"']),
        ('a\\\\\\"b', ['a\\"b']),
        ('a\\\\b "a\\\\b" a\\\\"b c"', ["a\\\\b", "a\\\\b", "a\\b c"]),
        ('-d name="über größe"', ["-d", "name=über größe"]),
        ("a;b=c:d,e ;f", ["a;b=c:d,e", ";f"]),
        ("%PATH% 'a b'", ["%PATH%", "'a", "b'"]),
        ("", []),
    ]

    def test_arguments_are_parsed_by_the_programs_c_run_time(self):
        names = [f"a{i}" for i in range(len(self.ROWS))]
        pools = {name: {"ExePath": support.RESPONDER, "Arguments": row[0]} for name, row in zip(names, self.ROWS)}
        self.start_host(support.ini({name: name for name in names}, **pools), ",".join("." + name for name in names))
        exe = support.windows_path(support.RESPONDER)
        for name, (written, arguments) in zip(names, self.ROWS):
            with self.subTest(written):
                facts, seen, _ = self.process(name)
                self.assertEqual(facts["command line"], f'"{exe}" {written.strip()}'.rstrip())
                self.assertEqual(seen, arguments)
        self.assertEqual(self.findings(), [])
