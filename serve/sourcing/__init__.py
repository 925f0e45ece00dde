"""Which shops an order is placed in: advice, decided anew by the ledgers."""
