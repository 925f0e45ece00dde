"""What the benchmarks and the demo rest on: that their input is what they say, and that their verdict can be failed."""
