"""From a set of companies to a claim about their cities: labels, shares, clusters, convergence.

The rooms, in the order of the data: ``companies``, ``embedding``, ``labelling``, ``clustering``,
``convergence``, ``wording``, ``report``; ``study`` wires them, ``cli`` is the command line.
"""
