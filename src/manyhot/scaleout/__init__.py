"""Where one machine does not suffice: engines that exist, doing what `manyhot.data` does with the same code.

The only imports of those engines live here, each in a folder of its own that is an extra of the package; a missing one
is a sentence that names it. What rows mean, how they are encoded and what is trained is not decided here. `spark/` is
there: read its `__init__.py` first.
"""

__all__: list[str] = []
