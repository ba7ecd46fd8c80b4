"""The interface every method meets, EnCo, and the parts that methods share.

Nothing here knows how a run is started, stored or scored; importing this package imports no torch.
"""
