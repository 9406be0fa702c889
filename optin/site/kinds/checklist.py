"""A checklist: a file to print and tick."""

from optin.site.kinds.kind import Kind

CHECKLIST = Kind(
    name="checklist",
    about="a file to print and tick",
    hands_out_file=True,
)
