"""The slow, obvious engine: plain Python that follows docs/arithmetic.md and judges the compiled one.

It shares no code with the engine it judges. It reads plain data of the package: the program tree and the config.
"""
