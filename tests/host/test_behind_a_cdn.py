"""Behind a provider that answers visitors, by the configuration of its page; an nginx is the provider."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.documented_configurations import blocks, replaced
from tests.host.authority import HOST
from tests.host.proxied_site import (
    LOOPBACK,
    PER_HOUR,
    ProxiedSite,
    own_address,
    proxied_site,
    visitor,
)
from tests.host.proxies import (
    WRITTEN_HOST,
    WRITTEN_SERVER,
    Place,
    Started,
    nginx_ports,
    nginx_started,
    place_for,
    running,
)
from tests.host.test_proxies import FORM, SPOOFED, SPOOFS, join
from tests.ports import reserved_port

PAGE = "behind-a-cdn.md"
PROVIDER = "127.0.0.9"  # the address from which it asks the server
LIST = f"{PROVIDER}/32\n2001:db8::/32\n"
ITS_OWN = """
  proxy_cache_path {folder}/kept keys_zone=kept:1m;
  server {{
    listen 127.0.0.1:{tls} ssl http2;
    ssl_certificate {chain};
    ssl_certificate_key {key};
    client_max_body_size 100m;
    location / {{
      proxy_pass https://{host}:{origin};
      proxy_bind {provider};
      proxy_ssl_verify on;
      proxy_ssl_trusted_certificate {root};
      proxy_ssl_server_name on;
      proxy_http_version 1.1;
      proxy_set_header Host {host};
      proxy_set_header CF-Connecting-IP $remote_addr;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_cache kept;
      add_header X-Kept $upstream_cache_status;
    }}
  }}
"""


def origin(place: Place) -> Started:
    """Return how the proxy of the page is started; the list is made as its command makes it."""
    (text,) = blocks(PAGE, "nginx")
    (command,) = blocks(PAGE, "sh")
    rule = re.search(r"sed -n '(s/.*?/p)'", command)
    assert rule is not None
    assert rule[1] == "s/^[0-9a-f].*/set_real_ip_from &;/p"
    networks = place.folder / "provider-networks.conf"
    networks.write_text(re.sub(r"^[0-9a-f].*", r"set_real_ip_from \g<0>;", LIST, flags=re.MULTILINE))
    issued = place.authority.issue(place.left)
    text = replaced(
        text,
        ("/etc/nginx/provider-networks.conf", str(networks)),
        ("/etc/nginx/origin.pem", str(issued.chain)),
        ("/etc/nginx/origin.key", str(issued.key)),
        (f"server_name {WRITTEN_HOST}", f"server_name {HOST}"),
        (WRITTEN_SERVER, f"{LOOPBACK}:{place.server}"),
        *nginx_ports(replace(place, plain=0)),
    )
    return nginx_started(place, text)


def provider_before(first: Place) -> Callable[[Place], Started]:
    def provider(place: Place) -> Started:
        issued = place.authority.issue(place.left)
        text = ITS_OWN.format(
            folder=place.folder,
            tls=place.tls,
            chain=issued.chain,
            key=issued.key,
            host=HOST,
            origin=first.tls,
            provider=PROVIDER,
            root=first.authority.root,
        )
        return nginx_started(place, text)

    return provider


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ProxiedSite, Path, Place]]:
    """Serve a site behind its own proxy and the provider's; yield whom visitors trust, and the first."""
    with ExitStack() as stack:
        port = stack.enter_context(reserved_port())
        first = stack.enter_context(place_for(port))
        stack.enter_context(running(origin, first))
        outer = stack.enter_context(place_for(first.tls))
        root = stack.enter_context(running(provider_before(first), outer))
        folder = tmp_path_factory.mktemp("cdn")
        yield stack.enter_context(proxied_site(folder, PAGE, port, outer.tls)), root, first


def test_the_provider_is_believed_and_nobody_else(site: tuple[ProxiedSite, Path, Place]) -> None:
    """O10, D8: over two hops; who comes past the provider counts under his own address."""
    served, root, first = site
    here = own_address()
    for source in (LOOPBACK, here):
        with visitor(served.base, root, source) as client:
            for headers in ({}, SPOOFS, {"cf-connecting-ip": SPOOFED}):
                assert client.get(served.question(), headers=headers).json()["client"] == source
        with visitor(f"https://{HOST}:{first.tls}", first.authority.root, source) as past:
            for headers in ({}, SPOOFS, {"cf-connecting-ip": SPOOFED}):
                assert past.get(served.question(), headers=headers).json()["client"] == source


def test_limits_count_visitors_and_not_the_provider(site: tuple[ProxiedSite, Path, Place]) -> None:
    """O10, O8: one of them has had his share, and no other."""
    served, root, _ = site
    with visitor(served.base, root, own_address()) as client, visitor(served.base, root) as other:
        said = [join(client, f"many-{number}@example.com") for number in range(PER_HOUR + 1)]
        assert said == [303] * PER_HOUR + [429]
        assert join(other, "other@example.com") == 303


def test_the_provider_keeps_nothing_that_is_personal(site: tuple[ProxiedSite, Path, Place]) -> None:
    """O10, S8: pages that are the same for everybody come from its memory; no link of anybody's does."""
    served, root, _ = site
    with visitor(served.base, root) as client:
        assert [kept(client, "/paper") for _ in range(2)][-1] == "HIT"
        assert join(client, "alice@example.com") == 303
        link = served.mailed("alice@example.com", "confirm")
        client.post(link, headers={"content-type": FORM})
        page = client.get(link)
        found = re.search(r'href="(/download/[^"]+)"', page.text)
        assert found is not None
        client.post("/me", data={"email": "alice@example.com"})
        personal = served.mailed("alice@example.com", "me")
        for path in (link, found[1], personal, "/desk/sign-in", "/health"):
            assert "HIT" not in [kept(client, path) for _ in range(3)], path
        assert (
            client.get("/paper", headers={"if-none-match": client.get("/paper").headers["etag"]}).status_code
            == 304
        )


def kept(client: httpx.Client, path: str) -> str:
    """Ask; return whether the answer came from the provider's memory."""
    answer = client.get(path)
    assert answer.status_code == 200, path
    return str(answer.headers["x-kept"])


def test_the_doctor_asks_by_way_of_the_provider(site: tuple[ProxiedSite, Path, Place]) -> None:
    """O10, O3: as the page says."""
    served, root, _ = site
    found = {it["name"]: it for it in json.loads(served.optin("doctor", "--json", root=root))["findings"]}
    for name in ("address", "certificate", "hsts", "proxy", "server"):
        assert found[name]["verdict"] == "passed", found[name]
