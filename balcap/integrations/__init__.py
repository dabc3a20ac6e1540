"""How do balcap's heads work inside another training engine? One module an engine.

An engine has its own rows, its own names and its own way to advantages. Each module says which of
balcap's advantages arrive in it exactly, and refuses the settings whose advantages do not.
"""
