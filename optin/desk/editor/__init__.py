"""The editor of the desk: a form and a text field that write a magnet's own file."""
