"""A white paper: a file to read at leisure."""

from optin.site.kinds.kind import Kind

WHITE_PAPER = Kind(
    name="white-paper",
    about="a file to read at leisure, which shows what you know",
    hands_out_file=True,
)
