"""The gallery of `optin dev`: every page and mail in each of its states (W3). Never part of `serve`."""
