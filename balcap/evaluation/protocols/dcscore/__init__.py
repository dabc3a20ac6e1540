"""DCScore of DeCapBench: precision and recall of a caption's facts."""
