"""The kinds of magnets that optin brings, a folder for each. They use nothing that another's kind cannot."""
