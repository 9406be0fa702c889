"""Mail: the words of each kind, the ways out, and the courier that walks them."""
