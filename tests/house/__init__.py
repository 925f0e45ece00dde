"""The rules of the house, as tests: each rule reads source text, and is first proved able to fail on a bad sample."""
