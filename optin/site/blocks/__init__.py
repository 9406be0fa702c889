"""Blocks in a magnet's text: `::: quote` … `:::`. One module for each; `all_blocks` lists them."""
