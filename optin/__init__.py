"""optin: a lead-magnet opt-in site whose consents hold up."""

__version__ = "0.1.0"
