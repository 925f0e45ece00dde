"""Between protobuf and the ledgers: the only modules here that know both."""
