"""`optin doctor`: checks of the real set-up, each with what was seen, why it matters and the exact cure."""
