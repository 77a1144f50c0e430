"""What English clauses state. Pure.

A statement is read from a clause by closed lists of verbs and of values. A clause that the lists do not
know states nothing, and neither does one of another language: no statement is better than a wrong one.
"""
