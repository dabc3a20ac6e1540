"""How do balcap's heads work inside another training engine? One module or folder an engine.

An engine has its own rows, its own names and its own way to advantages. Each says which of
balcap's advantages arrive in it exactly, and refuses the settings whose advantages do not.
"""
