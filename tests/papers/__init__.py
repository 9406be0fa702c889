"""The controller's papers: what they say, and what check says about a written statement."""
