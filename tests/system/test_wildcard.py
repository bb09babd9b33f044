"""IgnoreExistingFiles and IgnoreDirectories: under a wildcard map the host serves files and folders that exist, the pool all else."""

import re
import unittest

import pages
import support
import test_ecb_driver
import witness

STYLE = b"body { color: black }\n"


def site(folder):
    """A site as frameworks have them: one program that gets all URLs, and files beside it."""
    root = folder / "site"
    for name in ("media", "empty", "app"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "index.html").write_bytes(b"the host's page\n")
    (root / "media/style.css").write_bytes(STYLE)
    (root / "media/\u0416.txt").write_bytes(b"cyrillic\n")
    (root / "media/program.fcgi").write_bytes(b"the source of a program\n")
    (root / "media/hashed").write_bytes(b"uploaded\n")
    (root / "app/index.fcgi").write_bytes(b"the source of a program\n")
    return root


def ini(types=("*",), **properties):
    settings = {"ExePath": support.RESPONDER, "MaxInstances": 2, "IgnoreExistingFiles": 1, "IgnoreDirectories": 1, **properties}
    return support.ini({name: "front" for name in types}, front=settings)


class Wildcard(support.SystemTest):
    arguments = ()
    ini_text = ini()
    maps = "*"

    @classmethod
    def start(cls, servers):
        cls.host = servers.host(cls.ini_text, *cls.arguments, root=site(servers.folder), maps=cls.maps)

    def ask(self, path, **arguments):
        return support.http_request(self.host, path, **arguments)

    def is_from_host(self, path, body):
        answer = self.ask(path)
        self.assertEqual((answer.status, answer.body), (200, body), answer)
        self.assertNotIn("X-Worker-Pid", answer.headers)

    def is_from_pool(self, path, **arguments):
        answer = self.ask(path + "?page=process", **arguments)
        self.assertEqual(answer.status, 200, answer)
        self.assertIn("X-Worker-Pid", answer.headers)
        return answer


class Both(Wildcard):
    def test_a_file_that_exists_is_served_by_the_host(self):
        self.is_from_host("/media/style.css", STYLE)
        self.assertEqual(self.ask("/media/style.css").headers["Content-Type"], "text/css")

    def test_a_folder_is_served_by_the_host_with_its_default_document(self):
        self.is_from_host("/", b"the host's page\n")

    def test_a_folder_without_a_default_document_is_refused_by_the_host(self):
        answer = self.ask("/empty/")
        self.assertEqual(answer.status, 403, answer)
        self.assertNotIn("X-Fcgiext-Reason", answer.headers)

    def test_a_folder_without_a_slash_is_redirected_by_the_host(self):
        answer = self.ask("/media")
        self.assertEqual((answer.status, answer.headers["Location"]), (301, "/media/"), answer)

    def test_what_does_not_exist_goes_to_the_pool(self):
        for path in ("/some/page", "/media/none.css", "/media/none/more", "/a/b/c/d/e"):
            with self.subTest(path):
                self.is_from_pool(path)

    def test_row_16_what_lies_below_a_file_is_the_hosts_too(self):
        """PHP, asked for photo.jpe\\x, walks up and runs photo.jpe."""
        for path in ("/media/style.css/more", "/media/style.css/a/b/x.php", "/media/hashed/x.php"):
            with self.subTest(path):
                answer = self.ask(path)
                self.assertEqual(answer.status, 404, answer)
                self.assertNotIn("X-Worker-Pid", answer.headers)
                self.assertNotIn("X-Fcgiext-Reason", answer.headers)

    def test_a_path_that_is_too_deep_to_be_looked_for_is_refused(self):
        answer = self.ask("/none" + "/x" * 300)
        self.assertEqual((answer.status, answer.headers["X-Fcgiext-Reason"]), (400, "bad_request"), answer)

    def test_a_post_to_a_file_is_the_hosts_to_refuse(self):
        answer = self.ask("/media/style.css", body=b"x" * 100000)
        self.assertEqual((answer.status, answer.headers["Allow"]), (405, "GET, HEAD"), answer)

    def test_a_post_with_chunks_to_a_file_is_the_hosts_to_refuse(self):
        with support.Connection(self.host) as connection:
            answer = connection.request("/media/style.css", body=iter([b"one", b"two"]), chunked=True)
        self.assertEqual(answer.status, 405, answer)

    def test_a_post_to_what_does_not_exist_goes_to_the_pool(self):
        self.is_from_pool("/some/form", body=b"x" * 100000)

    def test_head_of_a_file(self):
        answer = self.ask("/media/style.css", method="HEAD")
        self.assertEqual((answer.status, answer.headers["Content-Length"]), (200, str(len(STYLE))), answer)

    def test_conditions_and_ranges_are_the_hosts(self):
        modified = self.ask("/media/style.css").headers["Last-Modified"]
        self.assertEqual(self.ask("/media/style.css", headers={"If-Modified-Since": modified}).status, 304)
        self.assertEqual(self.ask("/media/style.css", headers={"Range": "bytes=0-3"}).body, STYLE[:4])

    def test_a_file_whose_name_no_code_page_has(self):
        self.is_from_host("/media/%D0%96.txt", b"cyrillic\n")

    def test_a_name_that_windows_opens_as_another_is_no_file(self):
        for path in ("/media/style.css.", "/media/style.css%20", "/media/style.css::$DATA"):
            with self.subTest(path):
                self.assertIn(self.ask(path).status, (400, 404))

    def test_the_connection_is_kept_and_answers_stay_in_order(self):
        with support.Connection(self.host) as connection:
            for _ in range(5):
                self.assertEqual(connection.request("/media/style.css").body, STYLE)
                socket = connection.http.sock
                self.assertIsNotNone(socket)
                self.assertIn("X-Worker-Pid", connection.request("/page?page=process").headers)
                self.assertEqual(connection.request("/").body, b"the host's page\n")
                self.assertIs(connection.http.sock, socket)

    def test_clients_in_parallel(self):
        def client(number):
            for _ in range(10):
                self.is_from_host("/media/style.css", STYLE)
                self.is_from_pool(f"/page/{number}")

        support.in_parallel(8, client)


class Inline(Both):
    arguments = ("--completions", "inline")


class Late(Both):
    arguments = ("--completions", "late")


class Iis6(Both):
    arguments = ("--iis", "6")


class PathInfo(Both):
    """PATH_TRANSLATED is the site's root then, which is a folder whatever the URL."""

    arguments = ("--allow-path-info",)


class OneProperty(support.SystemTest):
    def host(self, **properties):
        return self.servers.host(ini(**properties), root=site(self.servers.folder), maps="*")

    def status_of(self, host, path):
        answer = support.http_request(host, path + "?page=process")
        return "pool" if "X-Worker-Pid" in answer.headers else "host"

    def where(self, **properties):
        host = self.host(**properties)
        return [self.status_of(host, path) for path in ("/media/style.css", "/", "/page")]

    def test_files_alone(self):
        self.assertEqual(self.where(IgnoreDirectories=0), ["host", "pool", "pool"])

    def test_folders_alone(self):
        self.assertEqual(self.where(IgnoreExistingFiles=0), ["pool", "host", "pool"])

    def test_neither(self):
        self.assertEqual(self.where(IgnoreExistingFiles=0, IgnoreDirectories=0), ["pool", "pool", "pool"])

    def test_with_tcp_and_without_impersonation_too(self):
        for properties in ({"Protocol": "Tcp"}, {"Impersonate": 0}):
            with self.subTest(properties):
                self.assertEqual(self.where(**properties), ["host", "host", "pool"])

    def test_a_reload_switches_it(self):
        host = self.host()
        self.assertEqual(self.status_of(host, "/media/style.css"), "host")
        host.write_ini(ini(IgnoreExistingFiles=0))
        witness.wait_until(lambda: self.status_of(host, "/media/style.css") == "pool", "the pool has the file")


class OwnEntry(Wildcard):
    """An extension with an entry of its own is the pool's, whether the file exists or not."""

    ini_text = ini(("*", "fcgi"))

    def test_a_program_that_exists_is_run_and_not_sent(self):
        answer = self.is_from_pool("/media/program.fcgi")
        self.assertNotIn(b"the source", answer.body)

    def test_it_keeps_its_path_info(self):
        self.is_from_pool("/media/program.fcgi/a/b")

    def test_files_beside_it_are_the_hosts(self):
        self.is_from_host("/media/style.css", STYLE)


class DefaultDocument(Wildcard):
    """The folder goes back to the host, whose default document is a program that it has an own map for."""

    ini_text = ini(("*", "fcgi"))
    maps = "*,.fcgi"
    arguments = ("--default-doc", "index.fcgi,index.html")

    def test_a_program_as_the_default_document_is_run(self):
        answer = self.is_from_pool("/app/")
        self.assertNotIn(b"the source", answer.body)


class Iis51(Wildcard, pages.Page):
    """Has no EXEC_URL."""

    arguments = ("--iis", "5.1")

    def check_page(self, path, name):
        page = self.fetch(path, 500, "hand_back")
        self.assertTrue(page["Details"].startswith(f"{name}=1: "), page)
        self.assertIn("EXEC_URL, IIS 6 and later", page["Details"])
        self.assertEqual((page["Pool"], page["Address"], page["Error number"]), ("front", path, "87 (0x00000057)"))

    def test_a_file_fails_with_a_page_that_names_the_property_and_what_it_needs(self):
        self.check_page("/media/style.css", "IgnoreExistingFiles")

    def test_a_folder_fails_with_a_page_that_names_the_property_and_what_it_needs(self):
        self.check_page("/", "IgnoreDirectories")

    def test_what_does_not_exist_goes_to_the_pool(self):
        self.is_from_pool("/some/page")


class Look(test_ecb_driver.EcbDriver):
    """As whom the file is looked for, on threads that act as some user, and what hosts can break: under ecb_driver."""

    ROWS = {
        #                   looks, writes, handed back, 2xx, 4xx, 5xx, reason
        "file": (1, 0, 1, 1, 0, 0, "none"),
        "folder": (1, 0, 1, 1, 0, 0, "none"),
        "nothing": (1, 1, 0, 1, 0, 0, "none"),
        "denied": (1, 0, 1, 1, 0, 0, "none"),  # the host says to the user that he may not
        # whether there is one is not known: neither the host nor a program gets the request
        "share-down": (1, 0, 0, 0, 0, 1, "impersonation"),
        "unseen": (1, 0, 0, 0, 0, 1, "impersonation"),
        "own-entry": (0, 1, 0, 1, 0, 0, "none"),
        "not-plain": (0, 0, 0, 0, 1, 0, "bad_request"),
        "no-translation": (0, 1, 0, 1, 0, 0, "none"),
        "no-exec-url": (1, 0, 0, 0, 0, 1, "hand_back"),
        "exec-url-breaks": (1, 0, 0, 0, 0, 1, "hand_back"),
        "no-token": (0, 0, 0, 0, 0, 1, "impersonation"),
        "no-set": (0, 0, 0, 0, 0, 1, "impersonation"),
    }

    def rows(self, mode, **properties):
        text = self.drive("look", mode, ini_text=ini(("*", "fcgi"), **properties))
        pattern = r"look (\S+): looks (\d) writes (\d) handed back (\d) 2xx (\d) 4xx (\d) 5xx (\d) reason (\S+)"
        return {name: (*map(int, numbers), reason) for name, *numbers, reason in re.findall(pattern, text)}

    def test_the_file_is_looked_for_as_the_user_of_the_request(self):
        for mode in ("inline", "thread", "late"):
            with self.subTest(mode):
                self.assertEqual(self.rows(mode), self.ROWS)

    def test_as_the_user_without_impersonation_too(self):
        """What is written to a socket, the driver does not see."""
        self.assertEqual(self.rows("thread", Protocol="Tcp"), {name: (row[0], 0, *row[2:]) for name, row in self.ROWS.items()})


if __name__ == "__main__":
    unittest.main()
