"""`balcap judge check`: is this judge fit to reward?"""
