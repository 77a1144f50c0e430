"""The tests, one folder a package; `tests.doubles` holds what the folders have in common."""
