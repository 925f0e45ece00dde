"""How notices leave the house: what they say, and by which ways out they go. The notifier's process alone runs this."""
