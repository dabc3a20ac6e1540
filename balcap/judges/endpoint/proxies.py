"""Which proxy does the environment put before a server?"""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from balcap.errors import UserError


def proxy_of(url: str) -> str | None:
    """The proxy for an address, from `http_proxy`, `https_proxy` and `all_proxy`; None where there
    is none, and for what `no_proxy` names.

    Args:
        url: of the server.

    Raises:
        UserError: if it is a proxy of a kind that cannot be used, such as SOCKS.
    """
    server = urlsplit(url)
    if any(proxy_bypass(host) for host in (server.netloc, server.hostname) if host):
        return None
    proxies = getproxies()
    proxy = proxies.get(server.scheme) or proxies.get("all")
    if not proxy:
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    found = urlsplit(proxy)
    if found.scheme not in ("http", "https"):  # a password may stand in it: only a part is shown
        raise UserError(
            f"the environment has a {found.scheme} proxy at {found.hostname!r} for {url}; judges "
            f"are asked through http and https proxies only: set {server.scheme}_proxy to one, or "
            f"no_proxy={server.hostname} to ask without"
        )
    return proxy
