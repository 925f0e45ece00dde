"""The pure core: pages that read like a ledger, a naive model beside it, and checkers that are shown to catch."""
