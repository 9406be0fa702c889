"""The desk: the website of the staff. As in `web`: parse, run one flow, render. No store."""
