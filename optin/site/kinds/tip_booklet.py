"""A tip booklet: short advice in a file."""

from optin.site.kinds.kind import Kind

TIP_BOOKLET = Kind(
    name="tip-booklet",
    about="short advice in a file, to use today",
    hands_out_file=True,
)
