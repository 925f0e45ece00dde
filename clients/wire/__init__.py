"""Between protobuf messages and `clients.values`, one module per noun. Protobuf types go no further than here."""
