"""From candidates to hits, as pure functions: signals -> one score -> an order -> a cut.

Every signal is a number in [0, 1] a candidate, and their weighted sum makes the order. The score is made of
evidence that counts by itself, so that the scores of different questions can be compared.
"""
