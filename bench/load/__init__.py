"""Load: how calls are made, timed and counted.

Short rounds, to compare CPU and rates of services by turns: `rounds` and `loops`, over `frames`.

Long runs in an open loop, as an SRE tests a season: a `profile` says how many arrivals a second there are at which
moment, `traffic` what each of them asks for, `lanes` how that is sent; `worker` is one generator process and `fleet`
all of them; `figures` are what they tell, `knee` where the service bends; `chain` brings shops of the run's own and
puts them away, and `proof` holds what callers were told against the journals.
"""
