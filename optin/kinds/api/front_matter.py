"""For front matter: the kind's own table, the files it names, complaints with their cures."""

from optin.consent.time_zones import after_gap, moments_of, zone_of
from optin.settings.prose_values import PROSE
from optin.settings.table_model import Line, Own, Remark, Stripped, Table, Text, Value
from optin.site.findings import Finding, nearest
from optin.site.kind_front_matter_hooks import Complaint, Question, TableReading
from optin.site.markdown_to_html import prose_as_text, read_prose
from optin.site.model import Magnet, Site
from optin.site.nearest_time_zone import nearest_zone
from optin.site.referenced_files import FILE_ENDINGS, FileProblem, absence_in_words, as_on_disk, find_inside
from optin.site.toml_and_markdown_reader import read_text
from optin.theme.catalogue import catalogue
from optin.theme.kind_folders import kind_words
from optin.theme.languages import languages

__all__ = [
    "FILE_ENDINGS",
    "PROSE",
    "Complaint",
    "FileProblem",
    "Finding",
    "Line",
    "Magnet",
    "Own",
    "Question",
    "Remark",
    "Site",
    "Stripped",
    "Table",
    "TableReading",
    "Text",
    "Value",
    "absence_in_words",
    "after_gap",
    "as_on_disk",
    "catalogue",
    "find_inside",
    "kind_words",
    "languages",
    "moments_of",
    "nearest",
    "nearest_zone",
    "prose_as_text",
    "read_prose",
    "read_text",
    "zone_of",
]
