"""From scores to advantages. NumPy only: knows no judge, head, file or clock."""
