"""The measures of security that a record names (GDPR 30(1)(g), 32): optin's own, and the controller's."""

from __future__ import annotations

from optin.papers.activities import PaperSite

# The published terms (DPV 2.3) of what optin does in every installation.
MEASURE_TERMS = (
    "dpv:EncryptionAtRest",
    "dpv:EncryptionInTransfer",
    "dpv:Pseudonymisation",
    "dpv:DigitalSignatures",
    "dpv:LoggingPolicy",
)


def measures(of: PaperSite) -> tuple[str, ...]:
    """Return the measures in words: what the program does as it is configured, then the controller's own."""
    words, settings = of.words, of.site.settings
    https = settings.base_url.startswith("https://")
    found = [words.text("measures.encryption")]
    found.append(words.text("measures.transport" if https else "measures.transport-open"))
    found += [words.text(f"measures.{it}") for it in ("double", "log")]
    if settings.log.timestamp:
        found.append(words.text("measures.timestamp"))
    if settings.log.witnesses:
        found.append(words.text("measures.witnesses", names=", ".join(settings.log.witnesses)))
    found += [
        words.text("measures.minimisation"),
        words.text("measures.retention", share=settings.sweep.share),
        words.text("measures.exports"),
        words.text("measures.limits"),
    ]
    if settings.dkim is not None:
        found.append(words.text("measures.dkim"))
    return (*found, words.text("measures.backups"), *settings.papers.measures)
