"""The kinds of magnets that optin brings, one folder each. Other packages can do all that they do."""
