"""Real processes over real gRPC: one service for most of it, and others for what ends one."""
