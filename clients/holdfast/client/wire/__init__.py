"""Between protobuf messages and the client's values, one module per noun. Protobuf types go no further than here."""
