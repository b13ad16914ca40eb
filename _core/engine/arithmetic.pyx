# cython: language_level=3
"""placeholder until the engine's first kernel lands"""
