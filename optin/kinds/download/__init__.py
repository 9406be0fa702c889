"""Files to download: one kind under three names, for a white paper, a tip booklet and a checklist."""

from optin.kinds.api import FilePart, Kind

WHITE_PAPER = Kind(
    "white-paper",
    file=FilePart(about="a file to read at leisure, which shows what you know", hands_out_file=True),
)

TIP_BOOKLET = Kind(
    "tip-booklet", file=FilePart(about="short advice in a file, to use today", hands_out_file=True)
)

CHECKLIST = Kind("checklist", file=FilePart(about="a file to print and tick", hands_out_file=True))
