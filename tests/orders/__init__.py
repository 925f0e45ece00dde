"""The customers' ledger, said in pages: limits over the whole chain, and orders over several shops."""
