"""Settings: every key of `optin.toml`, with its type, its default and its meaning, in one frozen model."""
