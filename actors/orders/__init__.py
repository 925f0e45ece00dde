"""The pure core of a customer's ledger: limits over all shops, and what becomes of reservations over several ledgers.

One ledger keeps a hash slot of customers. An *order* is one customer's reservation whose parts lie in one shop or in
several; this ledger decides for all of them, the shops hold what it decided. It never waits and never calls: whoever
drives an order (see `serve.coordination.coordinator`) carries its words to the shops and theirs back.
"""
