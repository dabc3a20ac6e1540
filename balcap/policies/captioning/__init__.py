"""Captions of a whole data set: `balcap caption --data DATA --out DIR`."""
