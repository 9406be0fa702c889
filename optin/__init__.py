"""optin: a lead-magnet opt-in site whose consents hold up."""

__version__ = "0.2.0"
