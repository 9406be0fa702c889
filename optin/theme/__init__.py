"""The theme: templates, catalogues and one stylesheet, turned into pages and mails. Decides nothing."""
