"""One vendor a module; each is imported only where it is used."""
