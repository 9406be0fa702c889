"""The web: routes that parse, call one flow and render. Decides nothing."""
