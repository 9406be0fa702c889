"""For forms: fields, declarations, checks of a post."""

from optin.consent.form_version import (
    EMAIL_FIELD,
    SOURCE_FIELD,
    FormDeclaration,
    FormField,
    Slug,
    details_text,
)
from optin.consent.kind_specific_details import Deliverable, Details, PostCheck
from optin.consent.purpose import ConsentQuestion
from optin.consent.retention_period import RetentionPeriod

__all__ = [
    "EMAIL_FIELD",
    "SOURCE_FIELD",
    "ConsentQuestion",
    "Deliverable",
    "Details",
    "FormDeclaration",
    "FormField",
    "PostCheck",
    "RetentionPeriod",
    "Slug",
    "details_text",
]
