"""Win rate: captions against those of others, by a judge that sees the image, in both orders."""
