"""The pure core of a customers' ledger: limits over all shops, and the outcome of reservations over several ledgers.

One ledger keeps a hash slot of customers. An *order* is one customer's reservation whose parts lie in one or several
shops; this ledger decides for all of them, and the shops apply its outcomes. It never waits and calls nothing: the
coordinator (`serve.coordination.coordinator`) sends claims and outcomes to the shops, and their reports back.
"""
