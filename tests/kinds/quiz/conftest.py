"""Sites, visitors and windows, as the tests of these rooms have them."""

from tests.browser.conftest import browser, door, house, window
from tests.site.conftest import site
from tests.web.conftest import visit

__all__ = ["browser", "door", "house", "site", "visit", "window"]
