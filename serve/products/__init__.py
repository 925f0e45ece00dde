"""The operator's table of products: whose a scanned code is, where it stands in a shop, what may take its place."""
