"""The field's protocols, one folder each."""
