"""Faults against a service of the run's own, and what held. `python -m bench.faults` runs it.

`host` is the service, behind `proxy`; `callers` call and `recorder` writes down what they were told; `strikes` does the
harm, `run` says when. `judge` asks every checker: the service's audits, the demo's proof from the feeds, and
`histories`, which makes of what was recorded histories that `linearizability` examines by the models of `stock`.
`report` and `page` tell it, `drawing` draws what no sequence explains, `plants` lies so that it is found.
"""
