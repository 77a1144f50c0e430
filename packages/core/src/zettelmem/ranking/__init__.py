"""From candidates to hits, as pure functions: signals -> one score -> an order -> a cut.

Every signal is a number in [0, 1] a candidate. The score is a logistic function of their weighted sum,
so it reads as how likely the candidate is to be what was asked for, and can be compared between queries.
"""
