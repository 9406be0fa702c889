"""The theme: templates, catalogues and one stylesheet, rendered as pages and mails. Decides nothing."""
