"""What a browser makes of a button that leads to another site."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from playwright.sync_api import Browser, expect

from optin.web.security_headers import CONTENT_POLICY, content_policy

FORM = '<!doctype html><title>Confirm</title><form method="post" action="/c?t=secret"><button>Yes</button>'
THANKS = "<!doctype html><title>Thanks</title><h1>Thanks</h1>"


@contextmanager
def answering(post_to: str, policy: str, heard: list[tuple[str, str]]) -> Iterator[str]:
    """Serve a page with a form, whose answer redirects to `post_to`; note paths and referrers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append((self.path, self.headers.get("referer", "")))
            body = (FORM if post_to else THANKS).encode()
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("referrer-policy", "no-referrer")
            if policy:
                self.send_header(CONTENT_POLICY, policy)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.send_response(303)
            self.send_header("location", post_to)
            self.send_header("referrer-policy", "no-referrer")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_browser_follows_to_a_listed_site_and_to_no_other(browser: Browser) -> None:
    """W4, S1: the policy of the page decides; neither the token nor a referrer goes along."""
    heard: list[tuple[str, str]] = []
    with ExitStack() as opened:
        thanks = opened.enter_context(answering("", "", heard))
        allowed = content_policy("https://optin.example.com", thanks)
        barred = content_policy("https://optin.example.com")
        page = opened.enter_context(browser.new_context(java_script_enabled=False)).new_page()
        page.goto(opened.enter_context(answering(f"{thanks}/bedankt", allowed, [])))
        page.click("button")
        expect(page).to_have_title("Thanks")
        assert [it for it in heard if it[0] != "/favicon.ico"] == [("/bedankt", "")]
        heard.clear()
        page.goto(opened.enter_context(answering(f"{thanks}/bedankt", barred, [])))
        with page.expect_event("console", lambda it: "form-action" in it.text):
            page.click("button")
        assert [it for it in heard if it[0] != "/favicon.ico"] == []
