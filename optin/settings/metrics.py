"""The table of `optin.toml` about the numbers of a running server (O5)."""

from __future__ import annotations

from pydantic import Field

from optin.settings.table_model import Table


class MetricsTable(Table):
    """Numbers of a running server in the format of Prometheus, on a port of its own."""

    listen: str = Field(
        default="",
        description="Address and port where they are read; empty: nowhere.",
        examples=["127.0.0.1:9464", "[::1]:9464"],
    )
    anywhere: bool = Field(
        default=False,
        description="Allow an address that other machines reach; whoever reaches it may read the numbers.",
    )
