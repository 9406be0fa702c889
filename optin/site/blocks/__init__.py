"""Blocks in a magnet's text: `::: quote` … `:::`. One module for each; `table` lists them."""
