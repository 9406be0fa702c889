"""A log is made by the site that visitors see."""

from tests.web.conftest import visit

__all__ = ["visit"]
