"""How a new note is linked and how it changes its neighbours. Pure."""
