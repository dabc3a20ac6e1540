"""How does a policy leave balcap? As a folder that plain transformers loads, with a model card."""
