"""The program: which kinds of magnets are installed, and the command line that gets them."""
