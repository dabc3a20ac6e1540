"""BLEU, ROUGE-L, METEOR, CIDEr-D and CLIPScore."""
